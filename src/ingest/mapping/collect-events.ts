import { isBlankLine } from '../../event/lines.ts';
import type { Decoded, JsonTexts, RecordIds, SourceRecord } from '../format.ts';
import { isDeeper, jsonOf } from '../json-text.ts';
import { countReason, type MappedRecords } from '../mapper.ts';
import { parseRecord } from '../parse-record.ts';
import { isObject } from '../record-slots.ts';

const NEWLINE = 0x0a;
/** What is nested deeper is not mapped: whatever goes through a value would run out of stack. A level takes two bytes. */
const DEPTH_MAX = 1000;
const isTooDeep = (fields: object, bytes: number) => bytes > 2 * DEPTH_MAX && isDeeper(fields, DEPTH_MAX);

/** An event that was made of a record, by our names. */
export interface MadeEvent {
  readonly fields: Readonly<Record<string, unknown>>;
  /** The element of the record that it was made of: that is what a bad row shows. Left out, it is the record itself. */
  readonly element?: unknown;
}

/** What a mapping made of a record, and how much it left out; or why it failed on it. */
export type RecordResult =
  | {
      readonly events: readonly MadeEvent[];
      readonly leftOut: number;
      /** Orders that what was left out says to be cancelled. */
      readonly withdrawn?: readonly string[];
      /** Why it was left out, in words. */
      readonly why?: readonly string[];
    }
  | { readonly fault: string; readonly isTooDeep?: boolean };

/** A record; or a piece that is none, of which validation says what it is. */
export type InputPiece = SourceRecord | { readonly passed: Decoded };

/** The records of an input, in order. */
export function recordsOf(input: readonly Decoded[]): InputPiece[] {
  const pieces: InputPiece[] = [];
  for (const piece of input) {
    if (piece.kind === 'records') for (const record of piece.records) pieces.push(record);
    else if (piece.kind === 'rejected') pieces.push({ passed: piece });
    else
      for (const { raw, place } of linesOf(piece)) {
        const fields = objectOf(raw);
        if (fields === null || isTooDeep(fields, raw.length))
          pieces.push({ passed: { kind: 'json', bytes: raw, places: [place] } });
        else pieces.push({ fields, raw, place });
      }
  }
  return pieces;
}

/** Puts what was made of the records in their places: `results` has one for each, in order. `ids` are those of the pieces. */
export function collectEvents(
  pieces: readonly InputPiece[],
  results: readonly RecordResult[],
  ids: RecordIds | undefined,
): MappedRecords {
  const decoded: Decoded[] = [];
  const given = ids === undefined || 'prefix' in ids ? null : ids;
  const idsOfEvents: string[] = [];
  const withdrawn: string[] = [];
  const leftOutBy: Record<string, number> = {};
  let records: SourceRecord[] = [];
  let [leftOut, next] = [0, 0];
  const pass = (piece: Decoded, index: number) => {
    if (records.length > 0) decoded.push({ kind: 'records', records });
    records = [];
    decoded.push(piece);
    if (given !== null) idsOfEvents.push(given[index]!);
  };
  for (const [index, piece] of pieces.entries()) {
    if ('passed' in piece) {
      pass(piece.passed, index);
      continue;
    }
    const { raw, place } = piece;
    const result = results[next++]!;
    if ('fault' in result) {
      const { fault: why, isTooDeep } = result;
      pass({ kind: 'rejected', reason: isTooDeep ? 'too_deep' : 'mapping_failed', raw, place, why }, index);
      continue;
    }
    leftOut += result.leftOut;
    for (const why of result.why ?? []) countReason(leftOutBy, why);
    for (const order of result.withdrawn ?? []) withdrawn.push(order);
    for (const [part, event] of result.events.entries()) {
      const { fields, element } = event;
      records.push(element === undefined ? { fields, raw, place } : new Part(event, place, raw));
      if (given !== null) idsOfEvents.push(part === 0 ? given[index]! : `${given[index]}-${part + 1}`);
    }
  }
  if (records.length > 0) decoded.push({ kind: 'records', records });
  return { decoded, leftOut, leftOutBy, withdrawn, ids: given === null ? ids : idsOfEvents };
}

/** An event of an element of a record. Its bytes are only asked for where it is rejected. */
class Part implements SourceRecord {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly place: number;
  readonly #element: unknown;
  readonly #record: Buffer;

  constructor({ fields, element }: MadeEvent, place: number, record: Buffer) {
    this.fields = fields;
    this.place = place;
    this.#element = element;
    this.#record = record;
  }

  get raw(): Buffer {
    return Buffer.from(jsonOf(this.#element) ?? this.#record);
  }
}

function* linesOf({ bytes, places }: JsonTexts): Generator<{ raw: Buffer; place: number }> {
  let line = 0;
  for (let start = 0; start < bytes.length; ) {
    let end = bytes.indexOf(NEWLINE, start);
    if (end < 0) end = bytes.length;
    const raw = bytes.subarray(start, end);
    start = end + 1;
    line++;
    if (!isBlankLine(raw, 0, raw.length))
      yield { raw, place: 'first' in places ? places.first + line - 1 : places[line - 1]! };
  }
}

function objectOf(raw: Buffer): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = parseRecord(raw.toString('utf8'));
    return isObject(value) ? value : null;
  } catch {
    // Not JSON, so not an object.
    return null;
  }
}
