/**
 * Checks plain lines, as most are: an object of texts, numbers and booleans whose fields are all fine as they stand. What it says of a line
 * is what the checker in src/event/check-line.ts says, which all other lines go to: here, any doubt ends in NOT_PLAIN. AssemblyScript,
 * compiled to WebAssembly, because bytes are read here several times as fast as from JavaScript, sixteen at a time.
 *
 * src/event/plain-lines.ts tells it the schema, and reads what was found from the memory.
 */
import { beginFields, isFine, isKnownAgent } from './fields';
import {
  begin,
  ENDS,
  IS_RENAMED,
  KINDS,
  LINE,
  MEMBERS,
  OTHERS,
  OTHERS_LENGTH,
  OTHERS_MAX,
  result,
  SEEN,
  STARTS,
  setNotCanonical,
} from './found';
import {
  anyEnd,
  COLON,
  COMMA,
  kindOf,
  OBJECT_CLOSE,
  OBJECT_OPEN,
  pastBlanks,
  plainEnd,
  QUOTE,
  STRING,
  STRING_WITH_ESCAPES,
  valueEnd,
} from './json';
import { required } from './rules';
import { find, NAMES, NO_FIELD, OTHER_NAME } from './texts';

export {
  ENDS,
  FIELDS_MAX,
  IS_BOT,
  IS_CANONICAL,
  IS_PLAIN,
  IS_RENAMED,
  KINDS,
  LINE,
  LINE_BYTES_MAX,
  MEMBERS,
  MICROS,
  OTHERS,
  OTHERS_LENGTH,
  OTHERS_MAX,
  SEEN,
  STARTS,
  TYPE_SHIFT,
  URL_HAS_QUERY,
} from './found';
export {
  BOOLEAN,
  BOT,
  CURRENCY,
  DECIMAL,
  EVENT_TYPE,
  INTEGER,
  MONEY,
  OTHER_KIND,
  PLAIN_TEXT,
  QUANTITY,
  setLimits,
  setRule,
  TEXT,
  TIMESTAMP,
  URL,
  USER,
  USER_AGENT,
} from './rules';
export {
  ALIAS,
  addAgent,
  addText,
  CURRENCIES,
  NAMES,
  NO_FIELD,
  NULLS,
  OF_ANY,
  OF_BOT,
  OF_PERSON,
  OF_USERS,
  OTHER_NAME,
  OWN_TYPE,
  TYPES,
} from './texts';

const NOT_PLAIN: i32 = -1;

/** Fields that the line has. */
let present: u64 = 0;

/**
 * Checks the line in LINE, `length` bytes of valid UTF-8. Gives -1 where it is not plain, else what `result` gives.
 * `start`: the position that its spans count from; `latestMicros`: the latest time that is not in the future.
 */
export function check(length: i32, start: i32, latestMicros: f64): i32 {
  begin();
  beginFields();
  present = 0;
  const end = LINE + <usize>length;
  const shift = start - <i32>LINE;
  // What a line before has left there would be read as its end.
  store<u64>(end, 0);
  if (!readMembers(end, shift)) return NOT_PLAIN;
  if ((present & required) !== required) return NOT_PLAIN;
  for (let left = present; left !== 0; left &= left - 1)
    if (!isFine(<i32>ctz(left), shift, latestMicros)) return NOT_PLAIN;
  if (!isKnownAgent()) return NOT_PLAIN;
  for (let left = present; left !== 0; left &= left - 1) store<u8>(SEEN + <usize>ctz(left), 1);
  return result();
}

/** Reads the members of the object that is the line. `shift`: from the place of a byte to its position. */
function readMembers(end: usize, shift: i32): bool {
  let at = LINE;
  if (load<u8>(at) !== OBJECT_OPEN) return false;
  at = pastBlanks(at + 1);
  while (at < end) {
    const member = at;
    if (load<u8>(at) !== QUOTE) return false;
    const nameEnd = plainEnd(at + 1, end);
    if (load<u8>(nameEnd) !== QUOTE || load<u8>(nameEnd, 1) !== COLON) return false;
    const name = find(NAMES, at + 1, <i32>(nameEnd - at - 1));
    if (name < 0) return false;
    at = pastBlanks(nameEnd + 2);
    const value = at;
    at = name === NO_FIELD ? anyEnd(value, end, 0) : valueEnd(value, end);
    if (at === 0) return false;
    if (name === NO_FIELD) {
      if (!addOther(<i32>member + shift, <i32>at + shift)) return false;
    } else if (!addField(name, value, at, <i32>member, shift)) return false;
    at = pastBlanks(at);
    const byte = load<u8>(at);
    at++;
    if (byte === OBJECT_CLOSE) return at === end;
    if (byte !== COMMA) return false;
    at = pastBlanks(at);
  }
  return false;
}

function addOther(start: i32, end: i32): bool {
  const length = load<i32>(OTHERS_LENGTH);
  if (length === 2 * OTHERS_MAX) return false;
  const at = OTHERS + <usize>(4 * length);
  store<i32>(at, start);
  store<i32>(at, end, 4);
  store<i32>(OTHERS_LENGTH, length + 2);
  setNotCanonical();
  return true;
}

/** False where the line has two members of the field. */
function addField(name: i32, value: usize, end: usize, member: i32, shift: i32): bool {
  const isOther = name >= OTHER_NAME;
  const field = isOther ? name - OTHER_NAME : name;
  const bit = (<u64>1) << (<u64>field);
  if ((present & bit) !== 0) return false;
  present |= bit;
  const kind = kindOf(value);
  const quote: usize = kind === STRING || kind === STRING_WITH_ESCAPES ? 1 : 0;
  const at = <usize>field;
  store<u8>(KINDS + at, kind);
  store<u8>(IS_RENAMED + at, isOther ? 1 : 0);
  if (isOther) setNotCanonical();
  store<i32>(MEMBERS + 4 * at, member + shift);
  store<i32>(STARTS + 4 * at, <i32>(value + quote) + shift);
  store<i32>(ENDS + 4 * at, <i32>(end - quote) + shift);
  return true;
}
