import { createHash } from 'node:crypto';
import { cutText, isStorable, storable } from './json-text.ts';
import { plainValue } from './values/plain-value.ts';

export interface TextRule {
  /** Equal ids are one person, product or order, so none may become equal to another. */
  readonly isId: boolean;
  /** Limit of the UTF-8 form. */
  readonly bytesMax: number;
  /** Whether a trimmed text stands for a missing value. */
  readonly isNull: (text: string) => boolean;
}

/** A text that had to be changed. */
export interface ChangedText {
  readonly text: string;
  readonly isCut: boolean;
  readonly isReplaced: boolean;
}

/** What `readText` gives for a value that is not a text. */
export const INVALID = Symbol('not a text');

/** Most bytes that a UTF-16 unit takes in UTF-8. */
const UNIT_BYTES_MAX = 3;

/** Reads a text: as it is, changed, null where it is missing, or INVALID. */
export function readText(input: unknown, rule: TextRule): string | ChangedText | null | typeof INVALID {
  const value = typeof input === 'object' ? plainValue(input) : input;
  let text: string;
  if (typeof value === 'string') text = value.trim();
  else if (typeof value === 'bigint' || Number.isSafeInteger(value)) text = String(value);
  else if (typeof value === 'number' && !rule.isId && Number.isFinite(value)) text = String(value);
  else return INVALID;
  if (rule.isNull(text)) return null;
  const isReplaced = !isStorable(text);
  if (isReplaced) {
    if (rule.isId) return INVALID;
    text = storable(text);
  }
  const isCut = text.length * UNIT_BYTES_MAX > rule.bytesMax && Buffer.byteLength(text) > rule.bytesMax;
  if (isCut) text = rule.isId ? cutId(text, rule.bytesMax) : cutText(text, rule.bytesMax).trim();
  return isCut || isReplaced ? { text, isCut, isReplaced } : text;
}

const HASH_LENGTH = 16;

/** The beginning of an id and a hash of all of it: cut ids stay different, and the same id stays the same. */
function cutId(text: string, bytesMax: number): string {
  const hash = createHash('sha256').update(text).digest('hex').slice(0, HASH_LENGTH);
  return `${cutText(text, bytesMax - HASH_LENGTH - 1)}~${hash}`;
}
