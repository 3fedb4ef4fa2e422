/** Byte order marks, the longer one first. */
const MARKS: readonly (readonly [name: string, mark: readonly number[]])[] = [
  ['utf-32le', [0xff, 0xfe, 0, 0]],
  ['utf-32be', [0, 0, 0xfe, 0xff]],
  ['utf-8', [0xef, 0xbb, 0xbf]],
  ['utf-16le', [0xff, 0xfe]],
  ['utf-16be', [0xfe, 0xff]],
];
/** Code units that must have the same zero byte to be UTF-16 without a mark. */
const UNITS_MIN = 8;
const REPLACEMENT = '\ufffd';
/** Not valid in UTF-8: the record is rejected as such, instead of carrying a character that nobody wrote. */
const UNREADABLE = Buffer.from([0xff]);

/** By the byte order mark, or by zeros in every other byte; utf-8 otherwise. `markBytes`: to skip. */
export function encodingOf(start: Buffer): { encoding: string; markBytes: number } {
  for (const [encoding, mark] of MARKS)
    if (mark.every((byte, i) => start[i] === byte)) return { encoding, markBytes: mark.length };
  return { encoding: withoutMark(start), markBytes: 0 };
}

function withoutMark(start: Buffer): string {
  const units = Math.min(Math.floor(start.length / 2), 512);
  if (units < UNITS_MIN) return 'utf-8';
  const zeros = [0, 0];
  for (let i = 0; i < units * 2; i++) if (start[i] === 0) zeros[i % 2]!++;
  const [even = 0, odd = 0] = zeros;
  // Names and punctuation of all formats are ASCII, so most units have one zero byte, always on the same side.
  if (even === 0 && odd >= units * 0.7) return 'utf-16le';
  return odd === 0 && even >= units * 0.7 ? 'utf-16be' : 'utf-8';
}

/** Whether an encoding of this name can be read. */
export function isEncoding(name: string): boolean {
  try {
    return /^utf-32[lb]e$/i.test(name) || new TextDecoder(name) !== null;
  } catch {
    // RangeError: the runtime does not know it.
    return false;
  }
}

/** Turns bytes, cut anywhere, into UTF-8. */
export interface Transcoder {
  push(chunk: Buffer): Buffer;
  end(): Buffer;
}

/** UTF-8 passes as it is: what is invalid is rejected line by line. */
export function transcoder(encoding: string): Transcoder {
  if (encoding === 'utf-8') return { push: (chunk) => chunk, end: () => Buffer.alloc(0) };
  const decode = encoding.startsWith('utf-32')
    ? utf32Decoder(encoding === 'utf-32be')
    : textDecoder(encoding);
  return {
    push: (chunk) => encoded(decode(chunk, false)),
    end: () => encoded(decode(Buffer.alloc(0), true)),
  };
}

/** A character that could not be decoded is put as a byte that UTF-8 does not have. */
function encoded(text: string): Buffer {
  if (!text.includes(REPLACEMENT)) return Buffer.from(text);
  return Buffer.concat(
    text
      .split(REPLACEMENT)
      .flatMap((part, i) => (i === 0 ? [Buffer.from(part)] : [UNREADABLE, Buffer.from(part)])),
  );
}

type Decode = (chunk: Buffer, isEnd: boolean) => string;

function textDecoder(encoding: string): Decode {
  const decoder = new TextDecoder(encoding, { ignoreBOM: true });
  return (chunk, isEnd) => decoder.decode(chunk, { stream: !isEnd });
}

/** TextDecoder does not know it. */
function utf32Decoder(isBigEndian: boolean): Decode {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk, isEnd) => {
    const bytes = Buffer.concat([rest, chunk]);
    const end = bytes.length - (bytes.length % 4);
    let text = '';
    for (let at = 0; at < end; at += 4) {
      const point = isBigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at);
      const isCharacter = point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
      text += isCharacter ? String.fromCodePoint(point) : REPLACEMENT;
    }
    rest = bytes.subarray(end);
    return isEnd && rest.length > 0 ? text + REPLACEMENT : text;
  };
}
