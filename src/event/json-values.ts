/**
 * Brings a JSON body into NDJSON: an array gives its elements, one object gives itself, each on a line of its own.
 * Only the outermost structure is read; each element is checked later, on its own, so one bad element spoils no other.
 * Returns null when the body is neither (then it is NDJSON, or garbage), or when the array is not closed properly.
 */
export function jsonToLines(body: Buffer): Buffer | null {
  let start = skipSpace(body, 0);
  if (body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf) start = skipSpace(body, 3);
  if (body[start] === 0x7b) {
    const end = valueEnd(body, start);
    // What follows the object makes it NDJSON, whatever the content type says.
    if (end < 0 || skipSpace(body, end) !== body.length) return null;
    const object = Buffer.from(body.subarray(start, end));
    spaceOutLineEnds(object);
    return object;
  }
  if (body[start] !== 0x5b) return null;
  // Each element has a bracket or comma before it, which its line end replaces.
  const lines = Buffer.allocUnsafe(body.length);
  let used = 0;
  let position = skipSpace(body, start + 1);
  if (body[position] === 0x5d) return skipSpace(body, position + 1) === body.length ? Buffer.alloc(0) : null;
  for (;;) {
    const end = valueEnd(body, position);
    if (end < 0) return null;
    const element = lines.subarray(used, used + end - position);
    body.copy(element, 0, position, end);
    spaceOutLineEnds(element);
    used += element.length;
    lines[used++] = NEWLINE;
    position = skipSpace(body, end);
    if (body[position] === 0x5d) break;
    if (body[position] !== 0x2c) return null;
    position = skipSpace(body, position + 1);
  }
  return skipSpace(body, position + 1) === body.length ? lines.subarray(0, used) : null;
}

const NEWLINE = 0x0a;

function skipSpace(body: Buffer, position: number): number {
  for (; position < body.length; position++) {
    const byte = body[position];
    if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) break;
  }
  return position;
}

/** End of the value that starts at `position`: brackets and quotes are matched, nothing else is checked; -1: none. */
function valueEnd(body: Buffer, position: number): number {
  let depth = 0;
  const start = position;
  for (; position < body.length; position++) {
    const byte = body[position]!;
    if (byte === 0x22) {
      position = stringEnd(body, position);
      if (position < 0) return -1;
    } else if (byte === 0x7b || byte === 0x5b) depth++;
    else if (byte === 0x7d || byte === 0x5d) {
      if (depth === 0) return position > start ? position : -1;
      depth--;
    } else if (byte === 0x2c && depth === 0) return position > start ? position : -1;
    if (depth === 0 && (byte === 0x7d || byte === 0x22)) return position + 1;
    if (depth === 0 && byte === 0x5d) return position + 1;
  }
  return depth === 0 && position > start ? position : -1;
}

/** Position of the quote that ends the string; -1 when there is none. */
function stringEnd(body: Buffer, position: number): number {
  for (position++; position < body.length; position++) {
    if (body[position] === 0x5c) position++;
    else if (body[position] === 0x22) return position;
  }
  return -1;
}

/** A raw line end inside of a value can only be space between tokens, or in a string, where it is not JSON anyway. */
function spaceOutLineEnds(value: Buffer): void {
  if (!value.includes(NEWLINE)) return;
  let quoted = false;
  for (let i = 0; i < value.length; i++) {
    const byte = value[i];
    if (byte === 0x5c && quoted) i++;
    else if (byte === 0x22) quoted = !quoted;
    // In a string it becomes a tab, which is as forbidden there, so that the element stays bad and stays one line.
    else if (byte === NEWLINE) value[i] = quoted ? 0x09 : 0x20;
  }
}
