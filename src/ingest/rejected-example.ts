import { printable } from '../telemetry/printable.ts';
import { jsonOf } from './json-text.ts';
import { targetOf } from './names.ts';
import { parseRecord } from './parse-record.ts';

const CHARACTERS_MAX = 200;
/** A character of UTF-8 has at most 4 bytes. */
const BYTES_MAX = 4 * (CHARACTERS_MAX + 1);

/** A text from outside in short, with nothing in it that acts on a terminal. */
export function shortText(text: string): string {
  const shown = printable(text.slice(0, CHARACTERS_MAX + 1));
  return shown.length > CHARACTERS_MAX ? `${shown.slice(0, CHARACTERS_MAX)} …` : shown;
}

/** What of a rejected record shows why: the value of the field at fault, or else the beginning of the record. */
export function rejectedExample(
  field: string | undefined,
  raw: Buffer,
  fields: Readonly<Record<string, unknown>> | null,
): string {
  const value = field === undefined ? undefined : valueIn(field, fields ?? parsed(raw));
  const isGiven = value !== undefined && value !== null && value !== '';
  const text = !isGiven ? null : typeof value === 'object' ? jsonOf(value) : String(value);
  return shortText(text ?? raw.toString('utf8', 0, BYTES_MAX));
}

/** The value of the surest name of the field that has one. */
function valueIn(field: string, fields: Readonly<Record<string, unknown>>): unknown {
  const { index } = targetOf(field);
  let best: { value: unknown; rank: number } | null = null;
  for (const name in fields) {
    const target = targetOf(name);
    const value = fields[name];
    if (index < 0 || target.index !== index || value === null || value === '') continue;
    if (best === null || target.rank < best.rank) best = { value, rank: target.rank };
  }
  return best?.value;
}

function parsed(raw: Buffer): Record<string, unknown> {
  try {
    return parseRecord(raw.toString('utf8'));
  } catch {
    // Not JSON: the example has no fields.
    return {};
  }
}
