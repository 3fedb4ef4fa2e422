import type { Decoded, JsonTexts, SourceRecord } from '../format.ts';
import type { MapOptions, MappedRecords, Mapper } from '../mapper.ts';
import { isDecidingName } from '../names.ts';
import { parseRecord } from '../parse-record.ts';
import { isObject } from '../record-slots.ts';
import type { Mapped, MappedEvent, Mapping } from './compile.ts';
import { TooManyElements } from './path.ts';

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
const TAB = 0x09;

/** A mapping as what a source gives its records to. */
export function mapperOf(mapping: Mapping): Mapper {
  const { name, id, settings, format, hasEach } = mapping;
  return {
    name,
    id,
    settings,
    detecting: {
      isKnownName: (given) => isDecidingName(given) || mapping.readsName(given),
      ...(format === undefined ? {} : { format }),
      // It takes the lists out of the record itself.
      ...(hasEach ? { wrapper: false } : {}),
    },
    map: (input, options) => mapRecords(mapping, input, options),
  };
}

/**
 * Gives each record of an input to a mapping. The events have the place of their record, and its bytes or those of their element. What
 * is no JSON object passes as it is: validation says what it is.
 */
function mapRecords(
  mapping: Mapping,
  input: readonly Decoded[],
  { beside, ids }: MapOptions = {},
): MappedRecords {
  const decoded: Decoded[] = [];
  const given = ids === undefined || 'prefix' in ids ? null : ids;
  const idsOfEvents: string[] = [];
  let records: SourceRecord[] = [];
  let [index, leftOut] = [0, 0];
  const flush = () => {
    if (records.length > 0) decoded.push({ kind: 'records', records });
    records = [];
  };
  const pass = (piece: Decoded) => {
    flush();
    decoded.push(piece);
    if (given !== null) idsOfEvents.push(given[index]!);
    index++;
  };
  const take = (fields: Readonly<Record<string, unknown>>, raw: Buffer, place: number) => {
    let mapped: Mapped;
    try {
      mapped = mapping.map(fields, beside);
    } catch (error) {
      if (!(error instanceof TooManyElements)) throw error;
      pass({ kind: 'rejected', reason: 'mapping_failed', raw, place });
      return;
    }
    leftOut += mapped.leftOut;
    for (const [part, event] of mapped.events.entries()) {
      records.push(
        event.element === undefined ? { fields: event.fields, raw, place } : new Part(event, place),
      );
      if (given !== null) idsOfEvents.push(part === 0 ? given[index]! : `${given[index]}-${part + 1}`);
    }
    index++;
  };
  for (const piece of input) {
    if (piece.kind === 'records')
      for (const { fields, raw, place } of piece.records) take(fields, raw, place);
    else if (piece.kind === 'rejected') pass(piece);
    else
      for (const { raw, place } of linesOf(piece)) {
        const fields = objectOf(raw);
        if (fields === null) pass({ kind: 'json', bytes: raw, places: [place] });
        else take(fields, raw, place);
      }
  }
  flush();
  return { decoded, leftOut, ids: given === null ? ids : idsOfEvents };
}

/** An event of an element of a record. Its bytes are only asked for where it is rejected. */
class Part implements SourceRecord {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly place: number;
  readonly #element: unknown;

  constructor({ fields, element }: MappedEvent, place: number) {
    this.fields = fields;
    this.place = place;
    this.#element = element;
  }

  get raw(): Buffer {
    return Buffer.from(JSON.stringify(this.#element));
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
    if (!isBlank(raw)) yield { raw, place: 'first' in places ? places.first + line - 1 : places[line - 1]! };
  }
}

function isBlank(raw: Buffer): boolean {
  for (const byte of raw) if (byte !== SPACE && byte !== TAB && byte !== RETURN) return false;
  return true;
}

function objectOf(raw: Buffer): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = parseRecord(raw.toString('utf8'));
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}
