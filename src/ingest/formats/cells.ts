import { isUtf8 } from 'node:buffer';
import type { SourceRecord } from '../format.ts';
import type { Pieces } from './pieces.ts';

/**
 * Splits a line of an access log at blanks: "..." and [...] are one cell each, without their marks. Where more follows a bracket it is
 * a part of its cell, as in the address [2001:db8::1]:443. Null where a quote or bracket has no end.
 */
export function splitAtBlanks(line: string): string[] | null {
  const cells: string[] = [];
  for (let at = 0; at < line.length; ) {
    const first = line[at];
    if (first === ' ') {
      at++;
      continue;
    }
    if ((first !== '"' && first !== '[') || isPartOfCell(line, at)) {
      const found = line.indexOf(' ', at);
      const end = found === -1 ? line.length : found;
      cells.push(line.slice(at, end));
      at = end + 1;
      continue;
    }
    const close = first === '[' ? line.indexOf(']', at) : endOfQuoted(line, at);
    if (close === -1 || (close + 1 < line.length && line[close + 1] !== ' ')) return null;
    const text = line.slice(at + 1, close);
    cells.push(first === '"' && text.includes('\\') ? text.replace(/\\(["\\])/g, '$1') : text);
    at = close + 2;
  }
  return cells;
}

function isPartOfCell(line: string, open: number): boolean {
  const close = line[open] === '[' ? line.indexOf(']', open) : -1;
  return close !== -1 && close + 1 < line.length && line[close + 1] !== ' ';
}

function endOfQuoted(line: string, open: number): number {
  for (let at = open + 1; at < line.length; at++) {
    if (line[at] === '\\') at++;
    else if (line[at] === '"') return at;
  }
  return -1;
}

/** The record of a line with these cells; `-` and empty cells are left out, as logs write what they do not know. */
export function recordOf(
  names: readonly string[],
  cells: readonly string[],
  raw: Buffer,
  place: number,
): SourceRecord {
  // A member `__proto__` is one like any other only where nothing is inherited.
  const fields: Record<string, string> = names.includes('__proto__') ? Object.create(null) : {};
  for (let i = 0; i < cells.length; i++) {
    const cell = cells[i]!;
    if (cell !== '' && cell !== '-') fields[names[i] ?? `field_${i + 1}`] = cell;
  }
  return { fields, raw, place };
}

/** The text of a line; null, and a bad row, where it is not UTF-8. */
export function lineText(line: Buffer, place: number, pieces: Pieces): string | null {
  if (isUtf8(line)) return line.toString();
  pieces.reject('not_utf8', line, place);
  return null;
}
