const TAB = 0x09;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;

/** Lines that are validated and stored together: a file of nothing but short lines must not hold up everything else. */
const LINES_AT_ONCE = 100_000;

/** Cuts NDJSON into pieces of at most `linesMax` lines, as views of the same memory. */
export function* sliceLines(body: Buffer, linesMax = LINES_AT_ONCE): Generator<Buffer> {
  let start = 0;
  while (start < body.length) {
    const end = endOfLines(body, start, linesMax);
    yield body.subarray(start, end);
    start = end;
  }
}

/** Position behind the next `lines` lines from `start`, or the end of the body. */
function endOfLines(body: Buffer, start: number, lines: number): number {
  // A line has at least its line end.
  if (body.length - start <= lines) return body.length;
  let end = start;
  for (let line = 0; line < lines; line++) {
    const newline = body.indexOf(NEWLINE, end);
    if (newline === -1) return body.length;
    end = newline + 1;
  }
  return end;
}

/** Makes blanks of the returns of a line. */
export function replaceReturns(line: Buffer): void {
  for (let at = line.indexOf(RETURN); at >= 0; at = line.indexOf(RETURN, at + 1)) line[at] = SPACE;
}

/** Whether a line in `body[start, end)` has nothing but blanks. */
export function isBlankLine(body: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++)
    if (body[i] !== SPACE && body[i] !== TAB && body[i] !== RETURN) return false;
  return true;
}
