/** The rules of src/event/check-fields.ts for values that are fine as they stand. */

import { isDoubtful } from './doubtful';
import {
  ENDS,
  IS_BOT,
  IS_PLAIN,
  KINDS,
  STARTS,
  setFlag,
  setNotCanonical,
  setPlain,
  setType,
  URL_HAS_QUERY,
} from './found';
import {
  digitsEnd,
  FALSE,
  MINUS,
  NULL,
  NUMBER,
  POINT,
  STRING,
  STRING_WITH_ESCAPES,
  TRUE,
  ZERO,
} from './json';
import {
  BOOLEAN,
  BOT,
  bytesMaxIn,
  CURRENCY,
  DECIMAL,
  EVENT_TYPE,
  exactNumberBytesMax,
  INTEGER,
  kindIn,
  MONEY,
  maxIn,
  minIn,
  QUANTITY,
  required,
  roleIn,
  ruleOf,
  smallDecimalBytes,
  TEXT,
  TIMESTAMP,
  thousandsBytesMax,
  URL,
  USER,
  USER_AGENT,
} from './rules';
import { ALIAS, agentOf, CURRENCIES, find, OF_BOT, OWN_TYPE, TYPES } from './texts';
import { isFineTimestamp } from './timestamp';

/** Whether the line says itself that it is of a bot. */
let saysBot: bool = false;
/** The line's user agent, where it has one. */
let agent: usize = 0;
let agentLength: i32 = 0;

/** Forgets the line before. */
export function beginFields(): void {
  saysBot = false;
  agentLength = 0;
}

/** Whether the value of a field is fine. Notes where it is not in canonical form. */
export function isFine(field: i32, shift: i32, latestMicros: f64): bool {
  const rule = ruleOf(field);
  const kind = load<u8>(KINDS + <usize>field);
  const start = <usize>(load<i32>(STARTS + <usize>(4 * field)) - shift);
  const end = <usize>(load<i32>(ENDS + <usize>(4 * field)) - shift);
  const role = roleIn(rule);
  const ruled = kindIn(rule);
  if (kind === NULL || (kind === STRING && start === end)) {
    setNotCanonical();
    // A user agent that says nothing is looked at by its value.
    return ((required >> <u64>field) & 1) === 0 && role !== USER_AGENT;
  }
  if (ruled === TEXT) return isFineText(field, rule, role, kind, start, end);
  if (ruled === BOOLEAN) return isFineBoolean(field, role, kind);
  if (kind !== STRING && kind !== NUMBER) return false;
  if (ruled === INTEGER) return isFineInteger(field, rule, start, end);
  if (ruled === MONEY || ruled === DECIMAL)
    return isFineDecimal(field, ruled === MONEY, role, kind, start, end);
  return ruled === TIMESTAMP && isFineTimestamp(field, start, end, latestMicros);
}

function isFineBoolean(field: i32, role: i32, kind: u8): bool {
  if (kind === FALSE) {
    setNotCanonical();
    return true;
  }
  if (kind !== TRUE) return false;
  setPlain(field);
  if (role === BOT) saysBot = true;
  return true;
}

function isFineText(field: i32, rule: usize, role: i32, kind: u8, start: usize, end: usize): bool {
  const length = <i32>(end - start);
  if (length > bytesMaxIn(rule)) return false;
  if (kind === NUMBER) {
    setNotCanonical();
    if (digitsEnd(start) !== end) return false;
  } else if (kind === STRING || kind === STRING_WITH_ESCAPES) setPlain(field);
  else return false;
  if (isDoubtful(role === USER, kind === STRING_WITH_ESCAPES, start, end)) return false;
  if (role === EVENT_TYPE) return kind === STRING && isKnownType(field, start, length);
  if (role === CURRENCY) return length === 3 && isCurrency(start);
  if (role === URL) {
    if (hasQuestionMark(start, end)) setFlag(URL_HAS_QUERY);
  } else if (role === USER_AGENT) {
    agent = start;
    agentLength = length;
  }
  return true;
}

function isKnownType(field: i32, start: usize, length: i32): bool {
  const found = find(TYPES, start, length);
  if (found < 0) return false;
  if (found === OWN_TYPE) return true;
  setType(found & (ALIAS - 1));
  if ((found & ALIAS) !== 0) {
    setNotCanonical();
    store<u8>(IS_PLAIN + <usize>field, 0);
  }
  return true;
}

function isCurrency(start: usize): bool {
  let number: usize = 0;
  for (let i: usize = 0; i < 3; i++) {
    const letter = load<u8>(start + i) - 0x41;
    if (letter >= 26) return false;
    number = number * 26 + <usize>letter;
  }
  return load<u8>(CURRENCIES + number) === 1;
}

function hasQuestionMark(start: usize, end: usize): bool {
  for (let at = start; at < end; at += 16) {
    const found = i8x16.bitmask(i8x16.eq(v128.load(at), i8x16.splat(0x3f)));
    if (found !== 0) return at + <usize>ctz(found) < end;
  }
  return false;
}

/** A whole number of at most 15 digits, within the limits. */
function isFineInteger(field: i32, rule: usize, start: usize, end: usize): bool {
  const isNegative = load<u8>(start) === MINUS;
  const first = isNegative ? start + 1 : start;
  if (first === end || end - first > 15 || digitsEnd(first) < end) return false;
  let value: i64 = 0;
  for (let at = first; at < end; at++) value = value * 10 + <i64>(load<u8>(at) - ZERO);
  const signed = <f64>(isNegative ? -value : value);
  if (signed < minIn(rule) || signed > maxIn(rule)) return false;
  // With a zero before it that says nothing.
  if (load<u8>(first) === ZERO && end - start > 1) setNotCanonical();
  else setPlain(field);
  return true;
}

function isFineDecimal(field: i32, isMoney: bool, role: i32, kind: u8, start: usize, end: usize): bool {
  const isNegative = load<u8>(start) === MINUS;
  const length = <i32>(end - start);
  if (role === QUANTITY && isNegative) return false;
  if (!isMoney && length >= smallDecimalBytes) return false;
  if (!isPlainMoney(isNegative ? start + 1 : start, end)) return false;
  if (kind === NUMBER && length > exactNumberBytesMax) setNotCanonical();
  else setPlain(field);
  // In a text "1.234" may be a thousand.
  const isShortText = kind === STRING && length <= thousandsBytesMax;
  return !(isShortText && isMoney && load<u8>(end - 4) === POINT);
}

/** At most twelve digits, and four decimals. */
function isPlainMoney(first: usize, end: usize): bool {
  const point = digitsEnd(first);
  if (point === first || point > end || point - first > 12) return false;
  if (point === end) return true;
  if (load<u8>(point) !== POINT) return false;
  const last = digitsEnd(point + 1);
  return last === end && last > point + 1 && last - point <= 5;
}

/** Whether a visitor is a bot was said by others, once for each user agent. */
export function isKnownAgent(): bool {
  if (agentLength === 0 || saysBot) return true;
  const found = agentOf(agent, agentLength);
  if (found === OF_BOT) {
    setFlag(IS_BOT);
    setNotCanonical();
  }
  return found !== 0;
}
