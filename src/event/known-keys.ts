import { BAD_MARK, FIELDS } from './fields.ts';

/** What `knownKey` gives for a key that is no field. */
export const KEY_UNKNOWN = -1;
export const KEY_RESERVED = -2;
/** `extra`, which holds all members that are not fields. */
export const KEY_EXTRA = -3;

/** The known names one after the other, and where each begins; the two that are no fields are the last. */
const NAMES = [...FIELDS.map((field) => field.name), BAD_MARK, 'extra'];
const SPECIAL_KEYS = [KEY_RESERVED, KEY_EXTRA];
const NAME_BYTES = new Uint8Array(Buffer.from(NAMES.join('')));
const NAME_STARTS = new Int32Array(NAMES.length + 1);
/** Number + 1 of the known names by a hash of the key, so that most keys are compared with one name at most. */
const SLOTS = new Uint8Array(1024);
/** Number + 1 of the next name with the same hash. */
const NEXT_IN_SLOT = new Uint8Array(NAMES.length);
for (const [number, name] of NAMES.entries()) {
  NAME_STARTS[number + 1] = NAME_STARTS[number]! + name.length;
  const slot = slotOf(name.length, name.charCodeAt(0), name.charCodeAt(name.length - 1));
  NEXT_IN_SLOT[number] = SLOTS[slot]!;
  SLOTS[slot] = number + 1;
}

function slotOf(length: number, first: number, last: number): number {
  return (length * 37 + first * 5 + last) & 1023;
}

/** Number of the field whose name stands in `bytes[start, end)`; KEY_RESERVED for the mark of bad lines, KEY_EXTRA, else -1. */
export function knownKey(bytes: Buffer, start: number, end: number): number {
  const length = end - start;
  if (length === 0) return KEY_UNKNOWN;
  let number = SLOTS[slotOf(length, bytes[start]!, bytes[end - 1]!)]! - 1;
  for (; number >= 0; number = NEXT_IN_SLOT[number]! - 1) {
    const nameStart = NAME_STARTS[number]!;
    if (NAME_STARTS[number + 1]! - nameStart !== length) continue;
    let i = 0;
    while (i < length && NAME_BYTES[nameStart + i] === bytes[start + i]) i++;
    if (i === length) return number < FIELDS.length ? number : SPECIAL_KEYS[number - FIELDS.length]!;
  }
  return KEY_UNKNOWN;
}
