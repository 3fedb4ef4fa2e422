import { DEPTH_MAX } from '../event/fields.ts';

/** Stands where a character can't be stored. */
const REPLACEMENT = '\ufffd';

const PLAIN = /^[^"\\\u0000-\u001f\ud800-\udfff]*$/;
const UNSTORABLE = /\\u(?:0000|d[89a-f])/;

/** A text as JSON. It must be storable. */
export function jsonText(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** Whether a text can be stored: without U+0000 and without half of a surrogate pair. */
export function isStorable(text: string): boolean {
  return PLAIN.test(text) || (!text.includes('\0') && text.isWellFormed());
}

/** The text with U+FFFD for each character that can't be stored. */
export function storable(text: string): string {
  return text.replaceAll('\0', REPLACEMENT).toWellFormed();
}

export interface JsonValue {
  readonly json: string;
  /** Some characters could not be stored. */
  readonly isReplaced: boolean;
}

/** Any value as JSON on one line; null where it is nested deeper than `depthMax`, or is nothing that JSON has. */
export function jsonValue(value: unknown, depthMax = DEPTH_MAX): JsonValue | null {
  if (typeof value === 'string') {
    if (isStorable(value)) return { json: jsonText(value), isReplaced: false };
    return { json: JSON.stringify(storable(value)), isReplaced: true };
  }
  if (typeof value === 'number' || typeof value === 'boolean') {
    return { json: JSON.stringify(value), isReplaced: false };
  }
  if (typeof value === 'bigint') return { json: `"${value}"`, isReplaced: false };
  if (typeof value !== 'object' || value === null) return { json: 'null', isReplaced: false };
  if (isDeeper(value, depthMax)) return null;
  const json = JSON.stringify(value, bigintAsText);
  if (json === undefined) return null;
  // An escaped backslash before "u0000" is taken for one as well: then the slow way gives the same.
  if (!UNSTORABLE.test(json)) return { json, isReplaced: false };
  const clean = JSON.stringify(cleaned(JSON.parse(json)));
  return { json: clean, isReplaced: clean !== json };
}

const bigintAsText = (_: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value);

/** A value as JSON; null where it is nested so deep that the stack is not enough. */
export function jsonOf(value: unknown): string | null {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** Whether a value has more levels of objects and arrays. */
export function isDeeper(value: object, levels: number): boolean {
  if (levels <= 0) return true;
  for (const inner of Object.values(value)) {
    if (typeof inner === 'object' && inner !== null && isDeeper(inner, levels - 1)) return true;
  }
  return false;
}

function cleaned(value: unknown): unknown {
  if (typeof value === 'string') return storable(value);
  if (Array.isArray(value)) return value.map(cleaned);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [storable(name), cleaned(inner)]));
}

/** The beginning of a text that is at most `bytesMax` long in UTF-8, cut at a character. */
export function cutText(text: string, bytesMax: number): string {
  const bytes = Buffer.from(text.slice(0, bytesMax));
  if (bytes.length <= bytesMax) return bytes.toString();
  let end = bytesMax;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}
