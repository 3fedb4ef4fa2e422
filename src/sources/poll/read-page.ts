import { openContent } from '../../ingest/content.ts';
import { describeDetection, detectFormat } from '../../ingest/detect.ts';
import { type Decoded, type DetectOptions, SAMPLE_BYTES_MAX } from '../../ingest/format.ts';
import { arraysIn } from '../../ingest/formats/json-arrays-in.ts';
import { NAME_ONE } from '../../ingest/formats/json-wrapper.ts';
import { parseRecord } from '../../ingest/parse-record.ts';
import { entriesOf, type PollEntry, scalarText, valueAt } from './entries.ts';
import { type PollAnswer, PollError } from './fetch-page.ts';
import { linkNext } from './paging.ts';

/** What an answer says, ready for ingest. */
export interface Page {
  readonly pieces: readonly Decoded[];
  /** The same, one by one. */
  readonly entries: readonly PollEntry[];
  /** A cursor, or an address; null: the answer names no next page. */
  readonly next: string | null;
  readonly oldest: string | null;
  readonly more: boolean;
  /** The answer is one object, and that is the entry. */
  readonly isSingle: boolean;
  /** Where the list is in the answer; null: it is the answer. */
  readonly path: string | null;
  /** "NDJSON", "JSON object, records in data". */
  readonly description: string;
}

export interface PageOptions {
  readonly detect: DetectOptions;
  readonly encoding: string | undefined;
  readonly bodyBytesMax: number;
  /** The answer is that of `GET /logs`. */
  readonly isLogApi: boolean;
  /** As in the config. */
  readonly next: string | undefined;
}

const LINES_TYPES = new Set([
  'application/x-ndjson',
  'application/ndjson',
  'application/jsonl',
  'application/json-lines',
]);
const OBJECT_OPEN = 0x7b;
const SPACE = 0x20;
/** Where a log API that answers with an object has its entries. */
const LOG_PATH = 'entries';
const EXCERPT_BYTES = 60;

/**
 * Reads an answer with status 200, in any format. An entry that can't be read still becomes a bad row, for nothing is lost; an
 * answer that is no format of events (a proxy's HTML page, binary data) is a fault.
 */
export async function readPage(answer: PollAnswer, options: PageOptions): Promise<Page> {
  const { headers } = answer;
  const type = (headers.get('content-type') ?? '').split(';')[0]!.trim().toLowerCase();
  const text = await textOf(answer.body, options);
  const isLog = options.isLogApi && hasLogEntries(text);
  const isLines = LINES_TYPES.has(type) && options.detect.format === undefined;
  const detect = {
    ...options.detect,
    ...(isLines ? { format: 'ndjson' } : {}),
    ...(isLog ? { wrapper: LOG_PATH } : {}),
  };
  // A list that is named may be anywhere in the answer.
  const bytes = detect.wrapper === undefined ? text.subarray(0, SAMPLE_BYTES_MAX) : text;
  const found = detectFormat({ bytes, isWhole: bytes.length === text.length }, detect);
  if ('fileFormat' in found || 'refusal' in found || type === 'text/html') {
    const why = 'refusal' in found ? found.refusal : "has a content type that can't be polled";
    const start = JSON.stringify(answer.body.toString('latin1', 0, EXCERPT_BYTES));
    const words = why.replace(new RegExp(`${NAME_ONE}.*$`), 'name one with the setting entries');
    throw new PollError('content', `the answer (${type || 'without a type'}) ${words}: ${start}`);
  }
  const decoder = found.format.decoder(found.detection);
  const pieces = decoder.push(text).concat(decoder.end());
  const entries = entriesOf(pieces);
  const { name } = found.format;
  const isSingle = name === 'json' && entries.length === 1;
  if (isSingle) refuseList(text, options);
  const isObject = name === 'json-wrapper' || isSingle;
  const members = isObject ? membersOf(text) : {};
  const isUsual = name === 'json-wrapper' && options.next === undefined;
  return {
    pieces,
    entries,
    next: nextOf(answer, members, options.next, isUsual),
    oldest: headers.get('x-oldest-cursor') ?? (isUsual ? scalarText(members.oldest) : null),
    more: headers.get('x-more') === 'true',
    isSingle,
    path: 'path' in found.detection ? String(found.detection.path) : null,
    description: describeDetection(found),
  };
}

function nextOf(
  { headers }: PollAnswer,
  members: Record<string, unknown>,
  setting: string | undefined,
  hasMember: boolean,
): string | null {
  if (setting === 'link') return linkNext(headers.get('link'));
  if (setting !== undefined) return scalarText(valueAt(members, setting));
  const inHeader = headers.get('x-next-cursor') ?? linkNext(headers.get('link'));
  return inHeader ?? (hasMember ? scalarText(members.next) : null);
}

/** The answer unpacked and in UTF-8, within the limit. */
async function textOf(body: Buffer, { encoding, bodyBytesMax }: PageOptions): Promise<Buffer> {
  async function* raw() {
    yield body;
  }
  const content = await openContent(raw(), encoding === undefined ? {} : { encoding });
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of content.chunks) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax)
      throw new PollError(
        'too_large',
        `the answer, unpacked, is larger than body_bytes_max (${bodyBytesMax} bytes)`,
      );
    chunks.push(chunk);
  }
  if (content.ending.cut)
    throw new PollError('content', `the answer is incomplete: ${content.ending.whyText}`);
  return Buffer.concat(chunks);
}

/** An object around a list looks like an entry where its names say nothing: it would be a bad row at each poll. */
function refuseList(text: Buffer, { detect }: PageOptions): void {
  const { arrays, scalars } = arraysIn(text, text.indexOf(OBJECT_OPEN));
  if (arrays.length === 0 || scalars.some((name) => detect.isKnownName?.(name))) return;
  const paths = arrays.map(({ path }) => path).join(', ');
  throw new PollError(
    'content',
    `the answer is an object with a list in it (${paths}): name the list with the setting entries`,
  );
}

/** Whether the answer of a log API has its list where it should be, whatever the entries look like. */
function hasLogEntries(text: Buffer): boolean {
  const start = text.indexOf(OBJECT_OPEN);
  return text.subarray(0, Math.max(0, start)).every((byte) => byte <= SPACE) && start >= 0
    ? arraysIn(text, start).arrays.some(({ path }) => path === LOG_PATH)
    : false;
}

/** The members of the answer; numbers too long for a double are texts. */
function membersOf(text: Buffer): Record<string, unknown> {
  try {
    return parseRecord(text.toString());
  } catch {
    // Not JSON, so it has no members.
    return {};
  }
}
