import type { Decoded, SourceRecord } from '../../ingest/format.ts';
import { foldName } from '../../ingest/names.ts';
import { parseRecord } from '../../ingest/parse-record.ts';
import { createTimeReader } from '../../ingest/values/read-time.ts';

const NEWLINE = 0x0a;
/** Names under which an entry has an id of its own. */
const IDENTITIES = ['event_id', 'order_id', 'transaction_id', 'id'].map(foldName);

/** One entry of an answer. */
export interface PollEntry {
  /** Its own bytes. */
  readonly raw: Buffer;
  /** The entry alone, as a format gives it. */
  readonly piece: Decoded;
}

/** The entries of what a format gave, in order. */
export function entriesOf(pieces: readonly Decoded[]): PollEntry[] {
  const entries: PollEntry[] = [];
  for (const piece of pieces) {
    if (piece.kind === 'rejected') entries.push({ raw: piece.raw, piece });
    else if (piece.kind === 'records') for (const record of piece.records) entries.push(entryOf(record));
    else {
      let line = 0;
      for (let start = 0; start < piece.bytes.length; line++) {
        const found = piece.bytes.indexOf(NEWLINE, start);
        const end = found === -1 ? piece.bytes.length : found;
        const raw = piece.bytes.subarray(start, end);
        const { places } = piece;
        const first = 'first' in places ? places.first + line : places[line]!;
        const bytes = piece.bytes.subarray(start, end + 1);
        if (raw.some((byte) => byte > 0x20))
          entries.push({ raw, piece: { kind: 'json', bytes, places: { first } } });
        start = end + 1;
      }
    }
  }
  return entries;
}

const entryOf = (record: SourceRecord): PollEntry => ({
  raw: record.raw,
  piece: { kind: 'records', records: [record] },
});

/** The members of an entry; null: it is not an object. */
function fieldsOf({ piece, raw }: PollEntry): Readonly<Record<string, unknown>> | null {
  if (piece.kind === 'records') return piece.records[0]!.fields;
  if (piece.kind === 'rejected') return null;
  try {
    const value: unknown = parseRecord(raw.toString());
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    // Not JSON, so not an object.
    return null;
  }
}

/** Whether an entry has an id, by which the same one is known when it comes again. */
export function hasIdentity(entry: PollEntry): boolean {
  const fields = fieldsOf(entry);
  return fields !== null && Object.keys(fields).some((name) => IDENTITIES.includes(foldName(name)));
}

/** The value at a path of names; undefined: there is none. */
export function valueAt(value: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (inner, name) =>
        typeof inner === 'object' && inner !== null && Object.hasOwn(inner, name)
          ? (inner as Record<string, unknown>)[name]
          : undefined,
      value,
    );
}

/** A text or number as a text; null for all else. */
export function scalarText(value: unknown): string | null {
  if (typeof value === 'string') return value === '' ? null : value;
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : null;
}

const readTime = createTimeReader({ zone: 'UTC' });

/** The latest time in a field of the entries, as it is written; `before` where none is later. */
export function latestTime(
  entries: readonly PollEntry[],
  field: string,
  before: string | null,
): string | null {
  let latest = before;
  let micros = before === null ? Number.NEGATIVE_INFINITY : microsOf(before);
  for (const entry of entries) {
    const text = scalarText(valueAt(fieldsOf(entry), field));
    if (text === null) continue;
    const found = microsOf(text);
    if (found <= micros) continue;
    latest = text;
    micros = found;
  }
  return latest;
}

function microsOf(text: string): number {
  const time = readTime(text);
  return typeof time === 'string' ? Number.NEGATIVE_INFINITY : time.micros;
}
