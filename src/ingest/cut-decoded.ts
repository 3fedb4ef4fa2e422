import { sliceLines } from '../event/lines.ts';
import type { Decoded, JsonTexts, SourceRecord } from './format.ts';

/** How much is validated and stored at once: more would hold up everything else. */
export interface CutLimits {
  readonly recordsMax: number;
  /** A single record may be longer. */
  readonly bytesMax: number;
}

const LIMITS: CutLimits = { recordsMax: 100_000, bytesMax: 4 * 1024 * 1024 };

/** Cuts what a format gave into parts within the limits, in order; the bytes stay views of the same memory. */
export function* cutDecoded(pieces: readonly Decoded[], limits: CutLimits = LIMITS): Generator<Decoded[]> {
  let part: Decoded[] = [];
  let [records, bytes] = [0, 0];
  for (const piece of pieces) {
    for (const cut of cutPiece(piece, limits)) {
      const isOver = records + cut.records > limits.recordsMax || bytes + cut.bytes > limits.bytesMax;
      if (isOver && part.length > 0) {
        yield part;
        part = [];
        [records, bytes] = [0, 0];
      }
      part.push(cut.piece);
      records += cut.records;
      bytes += cut.bytes;
    }
  }
  if (part.length > 0) yield part;
}

interface Cut {
  readonly piece: Decoded;
  readonly records: number;
  readonly bytes: number;
}

function* cutPiece(piece: Decoded, limits: CutLimits): Generator<Cut> {
  if (piece.kind === 'json') yield* cutTexts(piece, limits);
  else if (piece.kind === 'records') yield* cutRecords(piece.records, limits);
  else yield { piece, records: 1, bytes: piece.raw.length };
}

function* cutTexts({ bytes, places }: JsonTexts, { recordsMax, bytesMax }: CutLimits): Generator<Cut> {
  let line = 0;
  for (const block of sliceLines(bytes, recordsMax)) {
    for (let start = 0; start < block.length; ) {
      const end = cutAt(block, start, bytesMax);
      const part = block.subarray(start, end);
      const records = countLines(part);
      const partPlaces =
        'first' in places ? { first: places.first + line } : places.slice(line, line + records);
      yield { piece: { kind: 'json', bytes: part, places: partPlaces }, records, bytes: part.length };
      line += records;
      start = end;
    }
  }
}

/** Behind the last line end within the limit, or behind the line that is longer. */
function cutAt(block: Buffer, start: number, bytesMax: number): number {
  if (block.length - start <= bytesMax) return block.length;
  const within = block.lastIndexOf(0x0a, start + bytesMax - 1);
  if (within >= start) return within + 1;
  const behind = block.indexOf(0x0a, start + bytesMax);
  return behind === -1 ? block.length : behind + 1;
}

function* cutRecords(all: readonly SourceRecord[], { recordsMax, bytesMax }: CutLimits): Generator<Cut> {
  let part: SourceRecord[] = [];
  let bytes = 0;
  const cut = (): Cut => ({ piece: { kind: 'records', records: part }, records: part.length, bytes });
  for (const record of all) {
    const { length } = record.raw;
    if (part.length > 0 && (part.length === recordsMax || bytes + length > bytesMax)) {
      yield cut();
      part = [];
      bytes = 0;
    }
    part.push(record);
    bytes += length;
  }
  if (part.length > 0) yield cut();
}

/** Number of lines; the last one may lack its end. */
function countLines(bytes: Buffer): number {
  let count = bytes.length > 0 && bytes.at(-1) !== 0x0a ? 1 : 0;
  for (let at = bytes.indexOf(0x0a); at !== -1; at = bytes.indexOf(0x0a, at + 1)) count++;
  return count;
}
