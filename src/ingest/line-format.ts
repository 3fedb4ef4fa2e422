import { describeDetection, detectFormat } from './detect.ts';
import type {
  Decoded,
  Detection,
  DetectOptions,
  Format,
  RecordDecoder,
  Sample,
  Unreadable,
} from './format.ts';
import { SAMPLE_BYTES_MAX } from './format.ts';
import { csv } from './formats/csv.ts';
import type { CsvDetection } from './formats/csv-detect.ts';
import { jsonInside, mayWrapJson } from './formats/json-inside.ts';
import { isCompleteObject } from './formats/json-scan.ts';
import { sampleLines } from './formats/lines.ts';
import { ndjson } from './formats/ndjson.ts';
import { w3cLog } from './formats/w3c-log.ts';
import { isDecidingName } from './names.ts';

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const DIRECTIVE = '#Fields:';

/** What a block of lines gave. */
export interface DecodedLines {
  readonly pieces: Decoded[];
  /** Bytes of the block that were read; a record may go on in lines that are not there yet. */
  readonly bytes: number;
}

/** Where in the input a block begins. */
export interface LinePosition {
  /** The block is the beginning of the input, header included. */
  readonly isStart: boolean;
  /** The last line before it that named columns; null: there is none, or the format has no such lines. */
  readonly directive: string | null;
}

/** A format that can be read on from any line, given what the beginning of the input says. */
export interface LineFormat {
  readonly name: string;
  /** "CSV, semicolon, 7 columns". */
  readonly description: string;
  /** Whether a line without its end can be told from a complete one. */
  readonly isJson: boolean;
  /** Reads lines, each with its end. `isEnd`: a record that is still open at the end of the block is taken as it is. */
  decode(block: Buffer, position: LinePosition, isEnd: boolean): DecodedLines;
  /** The last line of the block that names columns, for blocks that follow. */
  directiveIn(block: Buffer): string | null;
}

/**
 * Finds out how a file that grows by lines is to be read. The sample begins where the file does. A refusal may be lifted by
 * a longer sample, as long as that is not full.
 */
export function detectLineFormat(sample: Sample, options: DetectOptions): LineFormat | Unreadable {
  const found = detectFormat(sample, options);
  if ('fileFormat' in found) return { refusal: 'is a Parquet file, which does not grow by lines; load it' };
  const lines = sampleLines(sample);
  const isFull = sample.isWhole || sample.bytes.length >= SAMPLE_BYTES_MAX;
  const isDecided = isFull || options.format !== undefined || lines.length === 0;
  if (!isDecided && !('format' in found && found.format === jsonInside)) {
    if (mayWrapJson(lines, options.isKnownName ?? isDecidingName))
      return { refusal: 'has only lines of a log shipper so far, none with an event in it' };
  }
  if ('refusal' in found) return found;
  const isJson = found.format.name.startsWith('json') || found.format === ndjson;
  const isByLine = !found.format.isWhole && (!isJson || isObjectALine(found.format, lines));
  if (!isByLine)
    return {
      refusal: `is read as ${describeDetection(found)}, which does not have one record per line. Load it, or write one record per line`,
    };
  const isPlain = found.format.name === 'json';
  return isPlain
    ? new Lines(ndjson, { details: [] }, isJson)
    : new Lines(found.format, found.detection, isJson);
}

/** Objects over several lines can't be read on from any line. */
function isObjectALine(format: Format, lines: readonly Buffer[]): boolean {
  return format === ndjson || format === jsonInside || lines.every(isCompleteObject);
}

class Lines implements LineFormat {
  readonly name: string;
  readonly description: string;
  readonly isJson: boolean;
  readonly #format: Format;
  readonly #detection: Detection;

  constructor(format: Format, detection: Detection, isJson: boolean) {
    this.#format = format;
    this.#detection = detection;
    this.name = format.name;
    this.description = describeDetection({ format, detection });
    this.isJson = isJson;
  }

  decode(block: Buffer, position: LinePosition, isEnd: boolean): DecodedLines {
    for (let end = block.length; ; ) {
      const { decoder, linesBefore } = this.#decoderAt(position);
      const pieces = decoder.push(block.subarray(0, end));
      const open = decoder.end();
      // Read on from its middle, the rest of a header would be records.
      if (position.isStart && pieces.length + open.length === 0 && this.#format === csv && !isEnd)
        return { pieces: [], bytes: 0 };
      if (open.length === 0 || isEnd) {
        for (const piece of open) pieces.push(piece);
        return { pieces, bytes: end };
      }
      // What is still open is read again, with the lines that follow.
      end = startOfLine(block.subarray(0, end), firstPlace(open) - linesBefore);
      if (end === 0) return { pieces: [], bytes: 0 };
    }
  }

  directiveIn(block: Buffer): string | null {
    if (this.#format !== w3cLog) return null;
    for (
      let at = block.lastIndexOf(DIRECTIVE);
      at >= 0;
      at = at === 0 ? -1 : block.lastIndexOf(DIRECTIVE, at - 1)
    ) {
      if (at > 0 && block[at - 1] !== NEWLINE) continue;
      const end = block.indexOf(NEWLINE, at);
      const line = block.subarray(at, end === -1 ? block.length : end);
      return line.subarray(0, line.at(-1) === RETURN ? -1 : undefined).toString();
    }
    return null;
  }

  #decoderAt({ isStart, directive }: LinePosition): { decoder: RecordDecoder; linesBefore: number } {
    if (isStart) return { decoder: this.#format.decoder(this.#detection), linesBefore: 0 };
    if (this.#format === csv) {
      const detection: CsvDetection = { ...(this.#detection as CsvDetection), headerRecords: 0 };
      return { decoder: csv.decoder(detection), linesBefore: 0 };
    }
    const decoder = this.#format.decoder(this.#detection);
    if (directive === null) return { decoder, linesBefore: 0 };
    decoder.push(Buffer.from(`${directive}\n`));
    return { decoder, linesBefore: 1 };
  }
}

/** Line of the first record, from 1. */
function firstPlace(pieces: readonly Decoded[]): number {
  let first = Number.POSITIVE_INFINITY;
  for (const piece of pieces) {
    if (piece.kind === 'rejected') first = Math.min(first, piece.place);
    else if (piece.kind === 'records') for (const { place } of piece.records) first = Math.min(first, place);
    else if ('first' in piece.places) first = Math.min(first, piece.places.first);
    else for (const place of piece.places) first = Math.min(first, place);
  }
  return first;
}

/** Position of a line, counted from 1; at most that of the last line, so that each search ends. */
export function startOfLine(block: Buffer, line: number): number {
  let start = 0;
  for (let n = 1; n < line; n++) {
    const end = block.indexOf(NEWLINE, start);
    if (end === -1 || end === block.length - 1) break;
    start = end + 1;
  }
  return start;
}
