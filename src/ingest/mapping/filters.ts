import { FIELDS } from '../../event/fields.ts';
import { targetOf } from '../names.ts';
import { parseRecord } from '../parse-record.ts';
import { isObject } from '../record-slots.ts';
import { connectValue } from './connect.ts';
import { compilePattern } from './pattern.ts';
import { decimalOf } from './unscaled.ts';

/** Makes another value of one; undefined where it can't. */
export type Filter = (value: unknown) => unknown;

/** Longer texts are not read. */
const TEXT_MAX = 8 * 1024 * 1024;
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;
/** Attributes are not nested deeper. */
const DEPTH_MAX = 32;
const SCALE_MAX = 30;
/** A request line: its method and address. */
const REQUEST = /^([A-Za-z]+) (\S+)(?: HTTP\/[\d.]+)?$/;
const READS = ['GET', 'HEAD'];

/** What a path may do with a value on its way, by name. */
const FILTERS: Readonly<Record<string, Filter>> = {
  /** A JSON text as what it says. */
  json: (value) => {
    if (typeof value !== 'string' || value.length > TEXT_MAX) return isObject(value) ? value : undefined;
    return jsonOf(value);
  },
  /** Base64, also that of addresses, as text. */
  base64: (value) => {
    if (typeof value !== 'string' || value.length > TEXT_MAX || !BASE64.test(value)) return undefined;
    return Buffer.from(value, 'base64').toString('utf8');
  },
  /** `a=1&b=2`, or the part of an address behind its question mark, as an object. */
  query: (value) => {
    if (typeof value !== 'string') return undefined;
    const parameters = new URLSearchParams(value.slice(value.indexOf('?') + 1).split('#', 1)[0]);
    return Object.assign(Object.create(null), Object.fromEntries(parameters));
  },
  /** A list of objects with a name and a value, as an object by those names. */
  pairs: (value) => pairsOf(value),
  /** An object, or a text that begins as that of one does; nothing else. */
  object: (value) => (isObject(value) || isObjectText(value) ? value : undefined),
  /** A text of several lines as a list of those; one that is JSON as a whole is one. */
  lines: (value) => {
    if (typeof value !== 'string') return value;
    const lines = value.split('\n').filter((line) => line.trim() !== '');
    return lines.length < 2 || jsonOf(value) !== undefined ? [value] : lines;
  },
  /**
   * An event by its own names, or the JSON text of one: its fields have our names, whatever alias they had. What is none is one with the
   * member `unreadable`, so that it is a bad row and not lost.
   */
  record: (value) => {
    if (isObject(value)) return withOurNames(value);
    if (isEmpty(value)) return undefined;
    const object = typeof value === 'string' && value.length <= TEXT_MAX ? jsonOf(value) : undefined;
    return isObject(object) ? withOurNames(object) : { unreadable: value };
  },
  /** A message of Kafka Connect that brings its schema: its payload, of which decimals and days are texts. */
  connect: (value) =>
    isObject(value) && isObject(value.schema) && isObject(value.payload)
      ? connectValue(value.payload, value.schema)
      : undefined,
  /** The ending, in lower case, of the file that a path, an address or a request line asks for. */
  extension: (value) => {
    if (typeof value !== 'string') return undefined;
    const [, method = 'GET', address = value] = REQUEST.exec(value) ?? [];
    if (!READS.includes(method)) return undefined;
    const path = address.replace(/^https?:\/\/[^/]*/, '').split(/[?#]/, 1)[0]!;
    return /\.([A-Za-z0-9]{1,8})$/.exec(path)?.[1]?.toLowerCase();
  },
  /** A text without percent signs that stand for bytes; one that has wrong ones stays. */
  decode: (value) => {
    if (typeof value !== 'string') return value;
    try {
      return decodeURIComponent(value);
    } catch {
      // A percent sign that stands for itself.
      return value;
    }
  },
  upper: (value) => (typeof value === 'string' ? value.toUpperCase() : value),
};

/** Those with an argument, which throw a sentence where it is wrong. */
const FILTERS_WITH: Readonly<Record<string, (argument: string) => Filter>> = {
  /** A text with another one behind it, such as the zone of a time: `time | append Z`. */
  append: (end) => (value) => (typeof value === 'string' && value !== '' ? value + end : value),
  /**
   * Base64 of the bytes of a whole number, as Java's BigDecimal has it, as a decimal with so many digits behind the point; `assumed`, where
   * that is not certain.
   */
  decimal: (argument) => {
    const [, digits, assumed] = /^(\d{1,2})( +assumed)?$/.exec(argument) ?? [];
    const scale = Number(digits);
    if (digits === undefined || scale > SCALE_MAX)
      throw new Error(`has decimal ${argument}; it takes the number of digits behind the point, such as 2`);
    return (value) => decimalOf(value, scale, assumed !== undefined);
  },
  /** What a text has at the first group of a regular expression (RE2) without bars, or all that it matches; nothing where it doesn't. */
  match: (pattern) => {
    const find = compilePattern(pattern);
    return (value) => (typeof value === 'string' ? (find(value) ?? undefined) : undefined);
  },
  /** An object of which the pairs in the named member are members of its own. */
  pairs: (member) => (value) => {
    if (!isObject(value)) return undefined;
    const { [member]: pairs, ...rest } = value;
    return Object.assign(Object.create(null), rest, pairsOf(pairs));
  },
};

/** What each filter does, for the docs. */
export const FILTER_TEXTS: Readonly<Record<string, string>> = {
  json: 'Parses a JSON text.',
  base64: 'Decodes Base64 to text.',
  query: 'Parses the parameters of an address or a form into an object.',
  pairs:
    'Turns a list of objects with `key` (or `name`) and `value` into one object. `pairs MEMBER` does this with one member and keeps the others.',
  object: 'An object, or the JSON text of one. Anything else becomes a missing value.',
  lines: 'Splits a text into a list of lines.',
  record: 'Reads an event by our field names and aliases. Anything else becomes a bad row.',
  connect: 'The payload of a Kafka Connect message that contains its schema.',
  extension: 'The file extension in an address or a request line.',
  decode: 'Decodes percent-encoding.',
  upper: 'Converts a text to upper case.',
  'append TEXT': 'Appends a text: `time | append Z`.',
  'decimal N':
    'Decodes a BigDecimal of Java in Base64, with N decimals, as Debezium writes it. `decimal N assumed` reports each one as a finding.',
  'match PATTERN': 'The first group of a regular expression, or the whole match.',
};

/** The filter that a part of a path names; null where it names none. Throws a sentence where its argument is wrong. */
export function filterOf(part: string): Filter | null {
  if (Object.hasOwn(FILTERS, part)) return FILTERS[part]!;
  const blank = part.indexOf(' ');
  const name = part.slice(0, blank);
  return blank > 0 && Object.hasOwn(FILTERS_WITH, name)
    ? FILTERS_WITH[name]!(part.slice(blank + 1).trim())
    : null;
}

/** Names of the filters, those with an argument too. */
export const FILTER_NAMES: readonly string[] = [
  ...new Set([...Object.keys(FILTERS), ...Object.keys(FILTERS_WITH)]),
].sort();

/** Filters that give texts and numbers, in which no path goes on. */
const WITHOUT_MEMBERS = ['base64', 'extension', 'decode', 'upper', 'append', 'decimal', 'match'];

/** Whether a path may go on in what a part gives: a filter of objects, or names. */
export function givesMembers(part: string): boolean {
  return filterOf(part) !== null && !WITHOUT_MEMBERS.includes(part.split(' ', 1)[0]!);
}

/** What a JSON text says; undefined where it is none. */
function jsonOf(text: string): unknown {
  try {
    return parseRecord(text);
  } catch {
    // Not JSON.
    return undefined;
  }
}

const isEmpty = (value: unknown) => value === undefined || value === null || value === '';
const isObjectText = (value: unknown) => typeof value === 'string' && value.trimStart().startsWith('{');

function pairsOf(value: unknown, depth = 0): Record<string, unknown> | undefined {
  if (!Array.isArray(value)) return undefined;
  const object = Object.create(null) as Record<string, unknown>;
  for (const pair of value) {
    if (!isObject(pair)) continue;
    const name = pair.key ?? pair.name;
    if (typeof name === 'string') object[name] = plainValue(pair.value, depth);
  }
  return object;
}

/** A value that stands in a member named after its type, as of OTLP (`stringValue`) and BigQuery exports (`string_value`), itself. */
function plainValue(value: unknown, depth: number): unknown {
  if (!isObject(value) || depth > DEPTH_MAX) return value;
  for (const [name, member] of Object.entries(value)) {
    if (member === null || !/(?:V|_v)alue$/.test(name)) continue;
    const values = isObject(member) && Array.isArray(member.values) ? member.values : [];
    if (name === 'arrayValue') return values.map((each) => plainValue(each, depth + 1));
    return name === 'kvlistValue' ? pairsOf(values, depth + 1) : member;
  }
  return value;
}

/** A record whose fields have our names. Paths find them by their own as well, and as JSON it is what it was. */
function withOurNames(record: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const chosen = new Map<number, { name: string; rank: number }>();
  for (const [name, value] of Object.entries(record)) {
    const { index, rank } = targetOf(name);
    if (index < 0 || isEmpty(value)) continue;
    const held = chosen.get(index);
    if (held === undefined || rank < held.rank) chosen.set(index, { name, rank });
  }
  if ([...chosen.values()].every(({ rank }) => rank === 0)) return record;
  const named = Object.create(null) as Record<string, unknown>;
  Object.defineProperty(named, 'toJSON', { value: () => record, writable: true });
  for (const [name, value] of Object.entries(record)) {
    const { index } = targetOf(name);
    const ours = FIELDS[index]?.name;
    if (chosen.get(index)?.name === name && ours !== undefined) {
      named[ours] = value;
      // Not among the members that are left over, but found by a path.
      if (name !== ours) Object.defineProperty(named, name, { value });
    } else if (ours === undefined || !isEmpty(value)) named[name] = value;
  }
  return named;
}
