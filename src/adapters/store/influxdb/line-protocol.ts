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
  /** Nanoseconds since 1970. */
  timeNs: bigint;
}

/** A point as text, in its parts: two points of the same series and time share a place, and the later one overwrites. */
export interface Line {
  series: string;
  fields: string;
  time: string;
}

export function lineOf({ measurement, tags, fields, timeNs }: Point): Line {
  let list = '';
  for (const [name, value] of fields) list += `${list && ','}${escapeTag(name)}=${fieldText(value)}`;
  return { series: seriesOf(measurement, tags), fields: list, time: timeNs.toString() };
}

/** Points that share their list of tags share its text. */
const seriesOfTags = new WeakMap<Point['tags'], { measurement: string; series: string }>();

function seriesOf(measurement: string, tags: Point['tags']): string {
  const known = seriesOfTags.get(tags);
  if (known?.measurement === measurement) return known.series;
  let series = measurement.replace(/[, ]/g, '\\$&');
  for (const [name, value] of tags) {
    const text = tagValue(value);
    if (text !== '') series += `,${escapeTag(name)}=${escapeTag(text)}`;
  }
  seriesOfTags.set(tags, { measurement, series });
  return series;
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

function fieldText(field: FieldValue): string {
  if (field.type === 'string') {
    const { value } = field;
    return ESCAPED_IN_STRING.test(value) ? `"${value.replace(/["\\]/g, '\\$&')}"` : `"${value}"`;
  }
  if (!Number.isFinite(field.value)) throw new RangeError(`a field can't hold ${field.value}`);
  if (field.type === 'float') return String(field.value);
  if (!Number.isSafeInteger(field.value)) throw new RangeError(`an integer field can't hold ${field.value}`);
  return `${field.value}i`;
}
