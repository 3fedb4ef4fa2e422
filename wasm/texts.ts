/** Texts that are known: names of members, event types, words for a missing text, user agents. */
import { LINE } from './found';

/** Names, types and null words, each with a value, found by a hash. */
const SLOTS: u32 = 2048;
const SLOT_BYTES: usize = 16;
export const NAMES: usize = memory.data(2048 * 16, 16);
export const TYPES: usize = memory.data(2048 * 16, 16);
export const NULLS: usize = memory.data(2048 * 16, 16);
const ENTRIES_MAX: u32 = 1024;
/** Number of entries of each of the tables above. */
let nameCount: u32 = 0;
let typeCount: u32 = 0;
let nullCount: u32 = 0;
const TEXTS: usize = memory.data(65536, 16);
let textsEnd: usize = 0;

/** Values of names: the number of a field, the same for another name of it, or no field. */
export const OTHER_NAME: i32 = 64;
export const NO_FIELD: i32 = 128;
/** Values of types: their number, and the marks of another name of a type and of a type that is not ours. */
export const ALIAS: i32 = 4096;
export const OWN_TYPE: i32 = 8192;
/** Values of null words: of any text, or of users alone. */
export const OF_ANY: i32 = 0;
export const OF_USERS: i32 = 1;

/** The bytes with which null words begin, in either case, and the bytes of the longest. */
export const NULL_FIRST: usize = memory.data(256, 16);
export let nullBytesMax: i32 = 0;
/** Longest null word that there is room for. */
const WORD_BYTES_MAX: i32 = 64;

/** 1 for each three letters that are the code of a currency. */
export const CURRENCIES: usize = memory.data(26 * 26 * 26, 16);

/** User agents, the last one of each hash, each with its value and its length before it. */
const AGENTS: u32 = 2048;
const AGENT_BYTES: usize = 256;
const AGENT_TEXT: usize = 4;
const AGENT_BYTES_MAX: i32 = 252;
const AGENT_TABLE: usize = memory.data(2048 * 256, 16);
/** Values of user agents. */
export const OF_PERSON: i32 = 1;
export const OF_BOT: i32 = 2;

/** Adds the text in LINE, `length` bytes, to a table; false where it has no room. The first value of a text stays. */
export function addText(table: usize, length: i32, value: i32): bool {
  if (length < 1 || find(table, LINE, length) >= 0) return false;
  if (table === NULLS && length > WORD_BYTES_MAX) return false;
  const count = table === NAMES ? nameCount : table === TYPES ? typeCount : nullCount;
  if (count >= ENTRIES_MAX || textsEnd + <usize>length + 16 > 65536) return false;
  if (table === NAMES) nameCount++;
  else if (table === TYPES) typeCount++;
  else nullCount++;
  const text = TEXTS + textsEnd;
  memory.copy(text, LINE, length);
  textsEnd += <usize>length;
  let slot = hashOf(LINE, length) & (SLOTS - 1);
  while (load<u32>(slotAt(table, slot)) !== 0) slot = (slot + 1) & (SLOTS - 1);
  const at = slotAt(table, slot);
  store<u32>(at, <u32>text);
  store<i32>(at, length, 4);
  store<i32>(at, value, 8);
  if (table === NULLS) {
    const first = load<u8>(LINE);
    store<u8>(NULL_FIRST + <usize>first, 1);
    if (first >= 0x61 && first <= 0x7a) store<u8>(NULL_FIRST + <usize>(first - 0x20), 1);
    if (length > nullBytesMax) nullBytesMax = length;
  }
  return true;
}

/** Keeps the user agent in LINE. */
export function addAgent(length: i32, value: i32): void {
  if (length < 1 || length > AGENT_BYTES_MAX) return;
  const at = agentAt(LINE, length);
  store<u8>(at, <u8>value);
  store<u8>(at, <u8>length, 1);
  memory.copy(at + AGENT_TEXT, LINE, length);
}

function slotAt(table: usize, slot: u32): usize {
  return table + <usize>slot * SLOT_BYTES;
}

function agentAt(text: usize, length: i32): usize {
  return AGENT_TABLE + <usize>(hashOf(text, length) & (AGENTS - 1)) * AGENT_BYTES;
}

/** The value of a text in a table; -1 where it is not in it. */
export function find(table: usize, text: usize, length: i32): i32 {
  let slot = hashOf(text, length) & (SLOTS - 1);
  let at = slotAt(table, slot);
  while (load<u32>(at) !== 0) {
    if (load<i32>(at, 4) === length && isEqual(<usize>load<u32>(at), text, length)) return load<i32>(at, 8);
    slot = (slot + 1) & (SLOTS - 1);
    at = slotAt(table, slot);
  }
  return -1;
}

/** What the user agent is of; 0 where it is not known. */
export function agentOf(text: usize, length: i32): i32 {
  if (length > AGENT_BYTES_MAX) return 0;
  const at = agentAt(text, length);
  if (<i32>load<u8>(at, 1) !== length || !isEqual(at + AGENT_TEXT, text, length)) return 0;
  return <i32>load<u8>(at);
}

function hashOf(text: usize, length: i32): u32 {
  let hash: u64 = <u64>length;
  const last = text + <usize>length - 8;
  for (let at = text; at < last; at += 8) hash = rotl(hash ^ load<u64>(at), 27) * 0x9e3779b97f4a7;
  hash = (hash ^ endOf(text, length)) * 0x9e3779b97f4a7;
  return <u32>(hash >> 40);
}

/** The last eight bytes of a text, or all where it has fewer. */
function endOf(text: usize, length: i32): u64 {
  const end = text + <usize>length;
  if (length >= 8) return load<u64>(end - 8);
  // The halves overlap.
  if (length >= 4) return ((<u64>load<u32>(text)) << 32) | <u64>load<u32>(end - 4);
  const middle = text + <usize>(length >> 1);
  return ((<u64>load<u8>(text)) << 16) | ((<u64>load<u8>(middle)) << 8) | <u64>load<u8>(end - 1);
}

/** Whether two texts are equal that have the same length. */
function isEqual(a: usize, b: usize, length: i32): bool {
  for (let at: i32 = 0; at < length - 8; at += 8)
    if (load<u64>(a + <usize>at) !== load<u64>(b + <usize>at)) return false;
  return endOf(a, length) === endOf(b, length);
}
