/** The rules of the fields, which src/event/plain-lines.ts tells from the schema. */

// Kinds of fields.
export const TEXT: i32 = 0;
export const INTEGER: i32 = 1;
export const MONEY: i32 = 2;
export const DECIMAL: i32 = 3;
export const TIMESTAMP: i32 = 4;
export const BOOLEAN: i32 = 5;
/** A field whose values are never plain. */
export const OTHER_KIND: i32 = 6;

// Texts with a meaning of their own.
export const PLAIN_TEXT: i32 = 0;
export const USER: i32 = 1;
export const EVENT_TYPE: i32 = 2;
export const CURRENCY: i32 = 3;
export const URL: i32 = 4;
export const USER_AGENT: i32 = 5;
/** The number of pieces, and whether the line says itself that it is of a bot. */
export const QUANTITY: i32 = 6;
export const BOT: i32 = 7;

const RULE_BYTES: i32 = 32;
const RULES: usize = memory.data(64 * 32, 16);
/** Fields that a line must have. */
export let required: u64 = 0;

/** The rule of a field: its kind and role, whether a line must have it, its most bytes and its limits. */
export function setRule(
  field: i32,
  kind: i32,
  role: i32,
  isRequired: bool,
  bytesMax: i32,
  min: f64,
  max: f64,
): void {
  const rule = ruleOf(field);
  store<i32>(rule, kind);
  store<i32>(rule, role, 4);
  store<i32>(rule, bytesMax, 8);
  store<f64>(rule, min, 16);
  store<f64>(rule, max, 24);
  if (isRequired) required |= (<u64>1) << (<u64>field);
}

// Limits that src/event declares.
export let timestampBytesMax: i32 = 0;
export let exactNumberBytesMax: i32 = 0;
export let smallDecimalBytes: i32 = 0;
export let thousandsBytesMax: i32 = 0;
export let doubtfulBeforeMicros: f64 = 0;

export function setLimits(
  timestampMost: i32,
  exactNumber: i32,
  smallDecimal: i32,
  thousands: i32,
  doubtful: f64,
): void {
  timestampBytesMax = timestampMost;
  exactNumberBytesMax = exactNumber;
  smallDecimalBytes = smallDecimal;
  thousandsBytesMax = thousands;
  doubtfulBeforeMicros = doubtful;
}

/** Place of a rule, for the functions below. */
export function ruleOf(field: i32): usize {
  return RULES + <usize>(field * RULE_BYTES);
}

export function kindIn(rule: usize): i32 {
  return load<i32>(rule);
}

export function roleIn(rule: usize): i32 {
  return load<i32>(rule, 4);
}

export function bytesMaxIn(rule: usize): i32 {
  return load<i32>(rule, 8);
}

export function minIn(rule: usize): f64 {
  return load<f64>(rule, 16);
}

export function maxIn(rule: usize): f64 {
  return load<f64>(rule, 24);
}
