/** What was found of a line, where src/event/plain-lines.ts reads it. */

/** What `check` gives for a plain line; the number of its type + 1 is above these bits, 0 for a type that is not ours. */
export const IS_CANONICAL: i32 = 1;
export const IS_BOT: i32 = 2;
export const URL_HAS_QUERY: i32 = 4;
export const TYPE_SHIFT: i32 = 8;

/** Longest line that is looked at. */
export const LINE_BYTES_MAX: i32 = 16384;
/** Most fields of the schema. */
export const FIELDS_MAX: i32 = 64;
/** Most members that are not fields. */
export const OTHERS_MAX: i32 = 32;

/** The line. Reads may go past its end, by at most a vector. */
export const LINE: usize = memory.data(16384 + 64, 16);

// As LineSpans has it. Positions count from the position that `check` is given for its start.
export const KINDS: usize = memory.data(64, 16);
export const IS_RENAMED: usize = memory.data(64, 16);
export const IS_PLAIN: usize = memory.data(64, 16);
/** Fields that plain lines had since this was cleared. */
export const SEEN: usize = memory.data(64, 16);
export const STARTS: usize = memory.data(64 * 4, 16);
export const MEMBERS: usize = memory.data(64 * 4, 16);
export const ENDS: usize = memory.data(64 * 4, 16);
export const OTHERS: usize = memory.data(32 * 2 * 4, 16);
export const MICROS: usize = memory.data(8, 8);
/** Number of entries in OTHERS. */
export const OTHERS_LENGTH: usize = memory.data(4, 4);

let flags: i32 = 0;
let typeNumber: i32 = 0;

/** Forgets the line before. */
export function begin(): void {
  clear(KINDS);
  clear(IS_PLAIN);
  store<i32>(OTHERS_LENGTH, 0);
  flags = IS_CANONICAL;
  typeNumber = 0;
}

function clear(bytes: usize): void {
  for (let at: usize = 0; at < <usize>FIELDS_MAX; at += 16) v128.store(bytes + at, i8x16.splat(0));
}

/** The line is not in canonical form as it stands. */
export function setNotCanonical(): void {
  flags &= ~IS_CANONICAL;
}

export function setFlag(flag: i32): void {
  flags |= flag;
}

export function setType(type: i32): void {
  typeNumber = type + 1;
}

/** The value of a field is canonical as it stands. */
export function setPlain(field: i32): void {
  store<u8>(IS_PLAIN + <usize>field, 1);
}

/** All that is told by one number. */
export function result(): i32 {
  return flags | (typeNumber << TYPE_SHIFT);
}
