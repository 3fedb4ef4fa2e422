import { isOrderEvent } from '../../decode/identity.ts';
import { BAD_MARK } from '../../event/fields.ts';
import { BACKSLASH, COLON, COMMA, kindOf, NUMBER, QUOTE } from '../../event/json-bytes.ts';

/** The fields that a key may come from, in quotes. */
const ORDER = Buffer.from('"order_id"');
const EVENT = Buffer.from('"event_id"');
const SESSION = Buffer.from('"session_id"');
const USER = Buffer.from('"user_id"');
const TYPE = Buffer.from('"event_type"');
const NAMES = [ORDER, EVENT, SESSION, USER, TYPE];
const MARKED = Buffer.from(`{"${BAD_MARK}"`);

/** Whether a line of the block can have a key at all. */
export function mayHaveKeys(bytes: Buffer): boolean {
  return bytes.includes(SESSION) || bytes.includes(USER) || bytes.includes(EVENT) || bytes.includes(ORDER);
}

/**
 * The key of a canonical line, so that rows of one identity (src/decode/identity.ts) meet in one partition: the
 * order_id of a purchase or refund, else the event_id, so that a line that is sent again follows the first. A line with neither
 * goes by its session_id, else its user_id; null for one that has none of them, and for a rejected line.
 */
export function lineKey(bytes: Buffer, start: number, end: number): Buffer | null {
  if (startsWith(bytes, start, MARKED)) return null;
  const values: (Buffer | null)[] = [null, null, null, null, null];
  let depth = 0;
  let isName = false;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE) {
      const close = stringEnd(bytes, at, end);
      if (isName && depth === 1) {
        for (let name = 0; name < NAMES.length; name++)
          if (isText(bytes, at, close, NAMES[name]!)) values[name] = valueText(bytes, close + 1, end);
      }
      isName = false;
      at = close;
    } else if (byte === 0x7b || byte === 0x5b) {
      depth++;
      isName = byte === 0x7b;
    } else if (byte === 0x7d || byte === 0x5d) depth--;
    else if (byte === COMMA) isName = depth === 1;
  }
  const [order, event, session, user, type] = values;
  const isOrder = order && type && isOrderEvent(type.toString());
  return (isOrder ? order : null) ?? event ?? session ?? user ?? null;
}

/** Position of the quote that ends the string. */
function stringEnd(bytes: Buffer, open: number, end: number): number {
  let at = open + 1;
  while (at < end && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at;
}

/** The value behind a name: a text or a number, in its bytes; null for all else, and for an empty text. */
function valueText(bytes: Buffer, from: number, end: number): Buffer | null {
  let at = from;
  while (at < end && (bytes[at]! <= 0x20 || bytes[at] === COLON)) at++;
  if (bytes[at] === QUOTE) {
    const close = stringEnd(bytes, at, end);
    const text = bytes.subarray(at + 1, close);
    if (text.length === 0) return null;
    return text.includes(BACKSLASH) ? Buffer.from(JSON.parse(bytes.toString('utf8', at, close + 1))) : text;
  }
  if (kindOf(bytes[at] ?? 0) !== NUMBER) return null;
  let to = at;
  while (to < end && bytes[to] !== COMMA && bytes[to]! > 0x20 && bytes[to] !== 0x7d) to++;
  return bytes.subarray(at, to);
}

function isText(bytes: Buffer, open: number, close: number, text: Buffer): boolean {
  return close + 1 - open === text.length && startsWith(bytes, open, text);
}

function startsWith(bytes: Buffer, start: number, text: Buffer): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text[i]) return false;
  return true;
}
