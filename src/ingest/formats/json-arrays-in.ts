import { ARRAY_CLOSE, ARRAY_OPEN, COLON, COMMA, OBJECT_OPEN, QUOTE } from '../../event/json-bytes.ts';
import { COMPLETE, isSpace, ValueScanner } from './json-scan.ts';

/** Names that an array may be below: `hits.hits` has two. */
const PATH_LENGTH_MAX = 3;

/** An array of objects (or an empty one) within an object. */
export interface ArrayIn {
  /** Names joined by points. */
  readonly path: string;
  /** Position of its opening bracket, and of the byte behind it (or of the end of the bytes). */
  readonly start: number;
  readonly end: number;
  /** Names in its first element, as far as the bytes go; null: it is empty. */
  readonly names: readonly string[] | null;
}

/** What the beginning of an object shows. */
export interface ArraysIn {
  readonly arrays: readonly ArrayIn[];
  /** Names of the object's own members that are not arrays or objects. */
  readonly scalars: readonly string[];
  /** Names of all of its members. */
  readonly names: readonly string[];
  /** Behind the object; -1: it is cut or broken. */
  readonly end: number;
}

/** Finds the arrays of objects in the object at `start`, which may be cut anywhere. */
export function arraysIn(bytes: Buffer, start: number): ArraysIn {
  const arrays: ArrayIn[] = [];
  const scalars: string[] = [];
  const own: string[] = [];
  const end = eachMember(bytes, start, (name, at) => member(name, at, []));
  return { arrays, scalars, names: own, end };

  /** Gives where the member's value ends. */
  function member(name: string, at: number, above: readonly string[]): number {
    const path = [...above, name];
    if (above.length === 0) own.push(name);
    if (bytes[at] === OBJECT_OPEN && path.length < PATH_LENGTH_MAX)
      return eachMember(bytes, at, (below, position) => member(below, position, path));
    const valueEnd = endOf(bytes, at);
    if (bytes[at] === ARRAY_OPEN) {
      const names = elementNames(bytes, at + 1);
      if (names)
        arrays.push({
          path: path.join('.'),
          start: at,
          end: valueEnd < 0 ? bytes.length : valueEnd,
          names: names === 'empty' ? null : names,
        });
    } else if (above.length === 0 && bytes[at] !== OBJECT_OPEN) scalars.push(name);
    return valueEnd;
  }
}

/** Names in the first element of an array, and those in its `_source`; null: it is not an object. */
function elementNames(bytes: Buffer, from: number): string[] | 'empty' | null {
  const at = skipSpace(bytes, from);
  if (bytes[at] === ARRAY_CLOSE) return 'empty';
  if (bytes[at] !== OBJECT_OPEN) return null;
  const names: string[] = [];
  eachMember(bytes, at, (name, position) => {
    names.push(name);
    // How Elasticsearch wraps each document.
    if (name === '_source' && bytes[position] === OBJECT_OPEN)
      eachMember(bytes, position, (inner, innerAt) => {
        names.push(inner);
        return endOf(bytes, innerAt);
      });
    return endOf(bytes, position);
  });
  return names;
}

/** Calls `take` with each member's name and the start of its value; it gives the value's end. Gives the object's, or -1. */
function eachMember(bytes: Buffer, start: number, take: (name: string, at: number) => number): number {
  let at = skipSpace(bytes, start + 1);
  if (bytes[at] === 0x7d) return at + 1;
  for (;;) {
    if (bytes[at] !== QUOTE) return -1;
    const nameEnd = endOf(bytes, at);
    if (nameEnd < 0) return -1;
    const name = textOf(bytes.subarray(at, nameEnd));
    at = skipSpace(bytes, nameEnd);
    if (name === null || bytes[at] !== COLON) return -1;
    at = skipSpace(bytes, at + 1);
    if (at >= bytes.length) return -1;
    const end = take(name, at);
    if (end < 0) return -1;
    at = skipSpace(bytes, end);
    if (bytes[at] === 0x7d) return at + 1;
    if (bytes[at] !== COMMA) return -1;
    at = skipSpace(bytes, at + 1);
  }
}

const scanner = new ValueScanner();

/** Position behind the value, -1: it is cut or broken. */
function endOf(bytes: Buffer, at: number): number {
  scanner.start();
  return scanner.run(bytes, at) === COMPLETE ? scanner.position : -1;
}

function textOf(json: Buffer): string | null {
  try {
    return JSON.parse(json.toString()) as string;
  } catch {
    // Not a JSON text.
    return null;
  }
}

function skipSpace(bytes: Buffer, position: number): number {
  let at = position;
  while (isSpace(bytes[at])) at++;
  return at;
}
