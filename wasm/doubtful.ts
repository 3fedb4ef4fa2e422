/** Texts that may say nothing, or have blanks around them. */
import { BACKSLASH, BLANK, NOT_ASCII } from './json';
import { find, NULL_FIRST, NULLS, nullBytesMax, OF_ANY, OF_USERS } from './texts';

/** Whether a text may have blanks around it, or stand for a missing one. */
export function isDoubtful(isUser: bool, escaped: bool, start: usize, end: usize): bool {
  const first = load<u8>(start);
  const last = load<u8>(end - 1);
  const length = <i32>(end - start);
  if (first <= BLANK || last <= BLANK) return true;
  if (escaped) {
    if (first === BACKSLASH || load<u8>(end - 2) === BACKSLASH || load<u8>(end - 6) === BACKSLASH)
      return true;
    // A null word whose letters are all escapes.
    const mayBeWord = first >= NOT_ASCII || load<u8>(NULL_FIRST + <usize>first) !== 0;
    if (mayBeWord && length <= 6 * nullBytesMax) return true;
  }
  if (first >= NOT_ASCII || last >= NOT_ASCII) return mayBeBlank(start) || mayBeBlank(lastCharacter(end));
  if (length > nullBytesMax || load<u8>(NULL_FIRST + <usize>first) === 0) return false;
  return isNullWord(isUser, start, length);
}

function lastCharacter(end: usize): usize {
  let at = end - 1;
  while ((load<u8>(at) & 0xc0) === 0x80) at--;
  return at;
}

/** Whether a character is one of those outside of ASCII that are blanks, or like one of them. */
function mayBeBlank(at: usize): bool {
  const lead = load<u8>(at);
  const second = load<u8>(at, 1);
  if (lead === 0xc2) return second === 0xa0;
  if (lead === 0xe1) return second === 0x9a;
  if (lead === 0xe2) return second === 0x80 || second === 0x81;
  if (lead === 0xe3) return second === 0x80;
  return lead === 0xef;
}

/** A short text in lower case; WORD_BYTES_MAX bytes. */
const FOLDED: usize = memory.data(64, 16);

function isNullWord(isUser: bool, start: usize, length: i32): bool {
  for (let i: usize = 0; i < <usize>length; i++) {
    const byte = load<u8>(start + i);
    store<u8>(FOLDED + i, byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte);
  }
  const found = find(NULLS, FOLDED, length);
  return found === OF_ANY || (isUser && found === OF_USERS);
}
