import { ByteSource } from './content/byte-source.ts';
import { CompressedDataError, type Compression, compressionOf, decompressed } from './content/compression.ts';
import { encodingOf, isEncoding, transcoder } from './content/encoding.ts';
import { SAMPLE_BYTES_MAX, type Sample } from './format.ts';

/** A gzip file within a gzip file happens; more layers are made to do harm. */
const LAYERS_MAX = 3;

export interface ContentOptions {
  /** Name of the encoding, as TextDecoder knows it; a byte order mark goes first. */
  readonly encoding?: string;
}

/** How the content ended. */
export type ContentEnd =
  | { readonly cut: false }
  /** Only what was before the cut or damage was given. `whyText`: a clause without a capital and a full stop. */
  | { readonly cut: true; readonly whyText: string; readonly bytesGiven: number };

/** What a file or body holds: decompressed, in UTF-8, without byte order mark. */
export interface Content {
  readonly compressions: readonly Compression[];
  readonly encoding: string;
  /** The beginning, which `chunks` gives as well. */
  readonly sample: Sample;
  /** All bytes; to be read once. Each chunk has its own memory. */
  readonly chunks: AsyncGenerator<Buffer>;
  /** Valid once `chunks` has ended. */
  readonly ending: ContentEnd;
  /** Closes the source where `chunks` will not be read. */
  close(): Promise<void>;
}

/**
 * Opens what comes as raw bytes. Compression and encoding are found by content. Throws a RangeError for an encoding that
 * is not known; errors of the source itself pass through.
 */
export async function openContent(
  raw: AsyncIterable<Buffer>,
  options: ContentOptions = {},
): Promise<Content> {
  if (options.encoding !== undefined && !isEncoding(options.encoding))
    throw new RangeError(`The encoding "${options.encoding}" is not known.`);
  const content = new OpenContent();
  await content.open(raw, options.encoding);
  return content;
}

class OpenContent implements Content {
  readonly compressions: Compression[] = [];
  encoding = 'utf-8';
  sample: Sample = { bytes: Buffer.alloc(0), isWhole: true };
  ending: ContentEnd = { cut: false };
  chunks: AsyncGenerator<Buffer> = nothing();
  #whyCut: string | null = null;
  #source: ByteSource | null = null;

  async open(raw: AsyncIterable<Buffer>, encoding: string | undefined): Promise<void> {
    let source = new ByteSource(raw);
    for (;;) {
      const compression = compressionOf(await source.peek(10));
      if (!compression || this.compressions.length === LAYERS_MAX) break;
      this.compressions.push(compression);
      source = new ByteSource(this.#untilCut(source, compression));
    }
    const start = await source.peek(1024);
    const found = encodingOf(start);
    this.encoding = found.markBytes > 0 || !encoding ? found.encoding : nameOf(encoding);
    await source.take(found.markBytes);
    const text = new ByteSource(transcoded(source, this.encoding));
    // One more byte tells whether that was all.
    const bytes = Buffer.from(await text.peek(SAMPLE_BYTES_MAX + 1));
    this.sample = { bytes: bytes.subarray(0, SAMPLE_BYTES_MAX), isWhole: bytes.length <= SAMPLE_BYTES_MAX };
    this.#source = text;
    this.chunks = this.#read(text);
  }

  async close(): Promise<void> {
    await this.#source?.close();
  }

  async *#read(text: ByteSource): AsyncGenerator<Buffer> {
    let bytesGiven = 0;
    try {
      for (let chunk = await text.next(); chunk.length > 0; chunk = await text.next()) {
        bytesGiven += chunk.length;
        yield chunk;
      }
    } finally {
      await text.close();
    }
    if (this.#whyCut !== null) this.ending = { cut: true, whyText: this.#whyCut, bytesGiven };
  }

  /** What can be decompressed; that there is more is kept for the end. */
  async *#untilCut(source: ByteSource, compression: Compression): AsyncGenerator<Buffer> {
    try {
      yield* decompressed(source, compression);
    } catch (error) {
      if (!(error instanceof CompressedDataError)) throw error;
      this.#whyCut ??= error.message;
    } finally {
      await source.close();
    }
  }
}

/** The usual name of an encoding: TextDecoder reads latin1 as windows-1252, as browsers do. */
function nameOf(encoding: string): string {
  const name = encoding.toLowerCase();
  return name.startsWith('utf-32') ? name : new TextDecoder(name).encoding;
}

async function* transcoded(source: ByteSource, encoding: string): AsyncGenerator<Buffer> {
  const { push, end } = transcoder(encoding);
  try {
    for (let chunk = await source.next(); chunk.length > 0; chunk = await source.next()) yield push(chunk);
    yield end();
  } finally {
    await source.close();
  }
}

async function* nothing(): AsyncGenerator<Buffer> {}
