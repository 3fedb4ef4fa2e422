import { parseRecord } from '../parse-record.ts';
import { isObject } from '../record-slots.ts';

/** Makes another value of one; undefined where it can't. */
export type Filter = (value: unknown) => unknown;

/** Longer texts are not read. */
const TEXT_MAX = 8 * 1024 * 1024;
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

/** What a path may do with a value on its way, by name. */
export const FILTERS: Readonly<Record<string, Filter>> = {
  /** A JSON text as what it says. */
  json: (value) => {
    if (typeof value !== 'string' || value.length > TEXT_MAX) return isObject(value) ? value : undefined;
    try {
      return parseRecord(value);
    } catch {
      return undefined;
    }
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
  pairs: (value) => {
    if (!Array.isArray(value)) return undefined;
    const object = Object.create(null) as Record<string, unknown>;
    for (const pair of value) {
      if (!isObject(pair)) continue;
      const name = pair.key ?? pair.name;
      if (typeof name === 'string') object[name] = plainValue(pair.value);
    }
    return object;
  },
};

/** A value that stands in a member named after its type, as of OTLP (`stringValue`) and BigQuery exports (`string_value`), itself. */
function plainValue(value: unknown): unknown {
  if (!isObject(value)) return value;
  for (const [name, member] of Object.entries(value))
    if (member !== null && /(?:V|_v)alue$/.test(name)) return member;
  return value;
}
