/**
 * InfluxDB's line protocol: `measurement,tag=value field=value time`, one point on a line. Why not by the
 * official client: docs/decisions.md. Reference: "Line protocol" in the documents of InfluxDB.
 */
export type FieldValue = { type: 'integer' | 'float'; value: number } | { type: 'string'; value: string };

export interface Point {
  measurement: string;
  /** Name and value, in the order they are written. A tag without a value is left out. */
  tags: readonly (readonly [string, string])[];
  /** At least one. */
  fields: readonly (readonly [string, FieldValue])[];
  timeMs: number;
}

/** A point as text, in its parts: two points of the same series and time share a place, and the later one overwrites. */
export interface Line {
  series: string;
  fields: string;
  time: string;
}

export function lineOf({ measurement, tags, fields, timeMs }: Point): Line {
  let list = '';
  for (const [name, value] of fields) list += `${list && ','}${escapeTag(name)}=${fieldText(value)}`;
  return { series: seriesOf(measurement, tags), fields: list, time: timeText(timeMs, 0) };
}

export function seriesOf(measurement: string, tags: Point['tags']): string {
  let series = measurement.replace(/[, ]/g, '\\$&');
  for (const [name, value] of tags) {
    const text = tagValue(value);
    if (text !== '') series += `,${escapeTag(name)}=${escapeTag(text)}`;
  }
  return series;
}

/** Nanoseconds since 1970, of a time in ms and `ns` (below a million) after it. */
export function timeText(timeMs: number, ns: number): string {
  if (timeMs > 0) return `${timeMs}${String(ns).padStart(6, '0')}`;
  return (BigInt(timeMs) * 1_000_000n + BigInt(ns)).toString();
}

/**
 * The value of a tag as InfluxDB can hold it. A line end can't be written in a tag, nor can other control characters be
 * relied on: each is a space. A backslash at the end would escape what follows: it is left off.
 */
export function tagValue(text: string): string {
  if (!UNUSUAL.test(text)) return text;
  return text.replace(CONTROLS, ' ').replace(/\\+$/, '');
}

const CONTROLS = /[\u0000-\u001f\u007f]/g;
const UNUSUAL = /[\u0000-\u001f\u007f]|\\$/;

function escapeTag(text: string): string {
  return ESCAPED_IN_TAG.test(text) ? text.replace(/[,= ]/g, '\\$&') : text;
}
const ESCAPED_IN_TAG = /[,= ]/;
const ESCAPED_IN_STRING = /["\\]/;

function fieldText({ type, value }: FieldValue): string {
  if (type === 'string') return stringField(value);
  if (type === 'integer') return integerField(value);
  if (!Number.isFinite(value)) throw new RangeError(`a field can't hold ${value}`);
  return String(value);
}

export function stringField(text: string): string {
  return ESCAPED_IN_STRING.test(text) ? `"${text.replace(/["\\]/g, '\\$&')}"` : `"${text}"`;
}

export function integerField(value: number): string {
  if (!Number.isSafeInteger(value)) throw new RangeError(`an integer field can't hold ${value}`);
  return `${value}i`;
}
