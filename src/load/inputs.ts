import { createReadStream, createWriteStream, type ReadStream } from 'node:fs';
import { glob, mkdtemp, open, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Content, type ContentEnd, openContent } from '../ingest/content.ts';
import { type Detected, describeDetection, detectFormat } from '../ingest/detect.ts';
import type { Decoded, DetectOptions, Format, Unreadable } from '../ingest/format.ts';
import { isDecidingName } from '../ingest/names.ts';
import { UsageError } from '../telemetry/errors.ts';
import { reasonOf } from '../telemetry/system-error.ts';
import { LoadError } from './load-error.ts';
import { parquetInput } from './parquet-input.ts';

/** Bytes that are read, and go to the log, at a time: so few that checking them does not hold up what else this process does. */
const BLOCK_BYTES = 2 * 1024 * 1024;
const STDIN = '-';

/** What reading files needs of the rest of the program. */
export interface Readers {
  /** Reads the rows of a Parquet file as NDJSON. */
  readParquet(path: string): AsyncIterable<Buffer>;
  /** Formats that are tried, in this order. */
  readonly formats: readonly Format[];
  /** Bytes that are read, and go to the log, at a time; `BLOCK_BYTES` where it is left out. */
  readonly blockBytes?: number;
}

/** How the user says that files are to be read; the rest is found by their content. */
export interface InputOptions extends DetectOptions {
  encoding?: string;
}

/** An input that can be read: its beginning has been looked at. */
export interface LoadInput {
  /** As the user named it. */
  readonly name: string;
  /** What it was taken for, for people: "CSV, semicolon, 7 columns". */
  readonly description: string;
  readonly format: string;
  /** What the user declared about its format, as text. */
  readonly declared: string;
  /** The same input, as a mapping wants it to be read. */
  reopened(detecting: DetectOptions): Promise<LoadInput>;
  /** Its content, decompressed and in UTF-8, from the start. */
  chunks(): AsyncIterable<Buffer>;
  /** What the format makes of the content, chunk by chunk; `onChunk` gets each chunk before what it gave. */
  records(onChunk: (chunk: Buffer) => void): AsyncGenerator<readonly Decoded[]>;
  /** How the content ended, once `records` has. */
  ending(): ContentEnd;
  /** Bytes of the file that `records` has read; null where it is not read in order. */
  fileBytesRead(): number | null;
}

/** The beginning of an input shows that it can't be read. */
export class RefusedInputError extends UsageError {
  readonly refused: Unreadable;
  /** Opens it as a mapping wants it to be read. */
  readonly reopened: LoadInput['reopened'];

  constructor(message: string, refused: Unreadable, reopened: LoadInput['reopened']) {
    super(message);
    this.refused = refused;
    this.reopened = reopened;
  }
}

/** What the user named, opened. */
export interface OpenedInputs extends AsyncDisposable {
  readonly inputs: LoadInput[];
  /** Files of a folder that hold no events for certain, and what they are. */
  readonly skipped: { readonly name: string; readonly what: string }[];
}

/**
 * Looks at everything that the user named, before the first byte of it is stored. Gives what to read, and a function that
 * removes copies. Throws UsageError for what can't be read.
 */
export async function openInputs(
  names: readonly string[],
  options: InputOptions,
  readers: Readers,
): Promise<OpenedInputs> {
  const copies = new Copies();
  const inputs: LoadInput[] = [];
  const skipped: OpenedInputs['skipped'] = [];
  try {
    for (const name of names) {
      for (const file of await filesOf(name)) {
        const path = await copies.fileOf(file);
        const opened = await openInput(path, shownName(file), options, readers).catch((error) => {
          const what = file === name ? null : besideEvents(file, error);
          if (what === null) throw error;
          skipped.push({ name: file, what });
          return null;
        });
        if (opened !== null) inputs.push(opened);
      }
    }
    if (inputs.length === 0 && skipped.length > 0)
      throw new UsageError(
        `None of the files holds events: ${skipped.map(({ name, what }) => `${name} (${what})`).join(', ')}.`,
      );
    return { inputs, skipped, [Symbol.asyncDispose]: () => copies[Symbol.asyncDispose]() };
  } catch (error) {
    await copies[Symbol.asyncDispose]();
    if (!(error instanceof UsageError)) throw error;
    const message = `${error.message} Nothing was stored.`;
    throw error instanceof RefusedInputError
      ? new RefusedInputError(message, error.refused, error.reopened)
      : new UsageError(message);
  }
}

/** Names of texts for people that lie beside exports. */
const FOR_PEOPLE =
  /^(?:readme|license|licence|copying|changelog|notes?|liesmich|lisezmoi)(?:[._-].*)?$|\.(?:md|rst|rtf|docx?)$/i;

/** What a file of a folder is, where it holds no events for certain; null where it may. */
function besideEvents(file: string, error: unknown): string | null {
  if (!(error instanceof RefusedInputError)) return null;
  if (error.refused.isOther !== undefined) return error.refused.isOther;
  return FOR_PEOPLE.test(basename(file)) ? 'a text for people' : null;
}

/** The files of a name: itself, the files in a folder, or those that match a pattern. */
async function filesOf(name: string): Promise<string[]> {
  if (name === STDIN) return [name];
  const found = await stat(name).catch((error: NodeJS.ErrnoException) => error);
  if (found instanceof Error) {
    const matching = /[*?[{]/.test(name) ? (await namesOf(glob(name))).sort() : [];
    if (matching.length > 0) return matching;
    throw new UsageError(
      found.code === 'ENOENT' ? `There is no file ${name}.` : `${name} can't be read: ${reasonOf(found)}.`,
    );
  }
  if (!found.isDirectory()) return [name];
  const entries = await readdir(name, { withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !entry.name.startsWith('.'));
  if (files.length === 0) throw new UsageError(`The folder ${name} has no files.`);
  return files.map((entry) => join(name, entry.name)).sort();
}

async function namesOf(found: AsyncIterable<string>): Promise<string[]> {
  const names: string[] = [];
  for await (const name of found) names.push(name);
  return names;
}

const shownName = (name: string) => (name === STDIN ? 'stdin' : name);

/** Looks at the beginning of a file; `name` stands for it in messages. Throws UsageError where it can't be read. */
export async function openInput(
  path: string,
  name: string,
  options: InputOptions,
  { readParquet, formats, blockBytes = BLOCK_BYTES }: Readers,
): Promise<LoadInput> {
  const start = await open(path).catch((error: Error) => {
    throw new UsageError(`${name} can't be read: ${reasonOf(error)}.`);
  });
  await start.close();
  const { encoding, ...detecting } = options;
  const openAgain = () => openFile(path, encoding, blockBytes);
  const { content } = await openAgain();
  await content.close();
  const found = detectFormat(content.sample, { isKnownName: isDecidingName, ...detecting, formats });
  const reopened = (others: DetectOptions) =>
    openInput(path, name, { ...options, ...others }, { readParquet, formats, blockBytes });
  if ('refusal' in found) throw new RefusedInputError(`${name} ${found.refusal}.`, found, reopened);
  const input =
    'fileFormat' in found
      ? parquetInput(name, () => readParquet(path))
      : streamInput(name, content, found, openAgain);
  return { ...input, declared: JSON.stringify(detecting), reopened };
}

interface OpenFile {
  readonly content: Content;
  readonly file: ReadStream;
}

async function openFile(path: string, encoding: string | undefined, blockBytes: number): Promise<OpenFile> {
  const file = createReadStream(path, { highWaterMark: blockBytes });
  const content = await openContent(
    file as AsyncIterable<Buffer>,
    encoding === undefined ? {} : { encoding },
  ).catch((error) => {
    throw error instanceof RangeError ? new UsageError(error.message) : error;
  });
  return { content, file };
}

function streamInput(
  name: string,
  { encoding, compressions }: Content,
  found: Detected,
  openAgain: () => Promise<OpenFile>,
): Omit<LoadInput, 'declared' | 'reopened'> {
  let ending: ContentEnd = { cut: false };
  let reading: ReadStream | null = null;
  return {
    name,
    description: [describeDetection(found, encoding), ...compressions].join(', '),
    format: found.format.name,
    async *chunks() {
      yield* (await openAgain()).content.chunks;
    },
    async *records(onChunk) {
      const { content, file } = await openAgain();
      reading = file;
      const decoder = found.format.decoder(found.detection);
      try {
        for await (const chunk of content.chunks) {
          onChunk(chunk);
          yield decoder.push(chunk);
        }
      } catch (error) {
        throw new LoadError(`${name} can't be read to its end: ${reasonOf(error)}.`);
      }
      ending = content.ending;
      yield decoder.end();
    },
    ending: () => ending,
    fileBytesRead: () => reading?.bytesRead ?? 0,
  };
}

/** What comes through a pipe can be read once only: it is kept in a file while it is loaded. */
class Copies implements AsyncDisposable {
  #dir: string | null = null;
  #count = 0;

  /** A file with the content of the input. */
  async fileOf(name: string): Promise<string> {
    if (name !== STDIN && (await stat(name)).isFile()) return name;
    this.#dir ??= await mkdtemp(join(tmpdir(), 'tillstream-load-'));
    const copy = join(this.#dir, String(this.#count++));
    await pipeline(name === STDIN ? process.stdin : createReadStream(name), createWriteStream(copy));
    return copy;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#dir !== null) await rm(this.#dir, { recursive: true, force: true });
  }
}
