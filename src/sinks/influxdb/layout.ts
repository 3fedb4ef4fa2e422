import type { RawEvent } from '../../decode/batch.ts';
import { formatMoney, parseMoneySum } from '../../event/values.ts';
import type { MetricRow } from '../../metrics/metrics-store.ts';
import type { WindowSize } from '../../metrics/window.ts';
import {
  type FieldValue,
  integerField,
  type Line,
  type Point,
  seriesOf,
  stringField,
  tagValue,
  timeText,
} from './line-protocol.ts';

/** What the layout needs to know of a metric. */
export interface MetricSchema {
  readonly name: string;
  readonly keys: readonly string[];
  readonly values: readonly ValueSchema[];
}

export interface ValueSchema {
  readonly name: string;
  /** Type of the field. Decided by the declaration, never by a value: InfluxDB refuses a field whose type changes. */
  readonly type: 'integer' | 'float' | 'decimal';
  /** How the values of several rows become one; null where they can't. */
  readonly merge: 'sum' | 'max' | null;
}

/** One point for each event, under the names of the pipeline before Tillstream. */
export const RAW_MEASUREMENT = 'ecommerce_event';
export const RAW_TAGS = ['event_type', 'device_type', 'status_code'] as const;
export const OTHER_VALUE = 'other';

/** A key with too many values for a tag: its rows are ranked in each window, and the rank is the tag. */
const RANKED_KEY = 'product_id';
const RANK_TAG = 'rank';
const RANKS = 20;
/** Best first by these values, then by the key. */
const RANKED_BY = ['revenue', 'purchases', 'views'];

/** Gives the value that a tag is written with: the same one, or OTHER_VALUE where the tag has too many. */
export type Admit = (tag: string, value: string) => string;

export function measurementOf(metric: string): string {
  return `tillstream_${metric}`;
}

/** Name of the field of a decimal: under the name alone 0.1.0 has written whole numbers, and a field never changes its type. */
export function decimalField(name: string): string {
  return `${name}_decimal`;
}

const float = (value: string | number): FieldValue => ({ type: 'float', value: Number(value) });

/** Names of the tags of a metric, `window` first. */
export function tagNames(schema: MetricSchema): string[] {
  return ['window', ...schema.keys.map((key) => (key === RANKED_KEY ? RANK_TAG : key))];
}

/** Points of all rows of one window: its keys as tags, its values as fields, the start as the time. */
export function metricPoints(
  schema: MetricSchema,
  window: WindowSize,
  rows: readonly MetricRow[],
  admit: Admit,
): Point[] {
  const ranked = schema.keys.includes(RANKED_KEY) ? rankWithin(schema, rows) : rows;
  const names = tagNames(schema);
  const tagsOf = (row: MetricRow) =>
    names.map((name): [string, string] => {
      if (name === 'window') return [name, window];
      const value = tagValue(String(row[name] ?? ''));
      return [name, name === RANK_TAG ? value : admit(name, value)];
    });
  const groups = Map.groupBy(ranked, (row) => JSON.stringify(tagsOf(row)));
  return [...groups.values()].flatMap((group) => {
    const row = group.length === 1 ? group[0]! : merged(schema, group);
    const fields = fieldsOf(schema, row);
    if (fields.length === 0) return [];
    const timeMs = Date.parse(row.start);
    return [{ measurement: measurementOf(schema.name), tags: tagsOf(row), fields, timeMs }];
  });
}

/** Ranked within the other keys: what several currencies have can't be compared. */
function rankWithin(schema: MetricSchema, rows: readonly MetricRow[]): MetricRow[] {
  const others = schema.keys.filter((key) => key !== RANKED_KEY);
  return [...Map.groupBy(rows, (row) => others.map((key) => row[key]).join('\n')).values()].flatMap(rank);
}

/** The rows with their rank, "01" first; all that have none share OTHER_VALUE. */
function rank(rows: readonly MetricRow[]): MetricRow[] {
  const sorted = [...rows].sort((a, b) => {
    for (const value of RANKED_BY) {
      const difference = Number(b[value] ?? 0) - Number(a[value] ?? 0);
      if (difference !== 0) return difference;
    }
    return String(a[RANKED_KEY]) < String(b[RANKED_KEY]) ? -1 : 1;
  });
  return sorted.map((row, index) =>
    index < RANKS
      ? { ...row, [RANK_TAG]: String(index + 1).padStart(2, '0') }
      : { ...row, [RANK_TAG]: OTHER_VALUE, [RANKED_KEY]: OTHER_VALUE },
  );
}

/** Several rows that share their tags as one. What can't be merged is left out rather than wrong. */
function merged(schema: MetricSchema, rows: readonly MetricRow[]): MetricRow {
  const result: MetricRow = { ...rows[0]! };
  for (const { name, merge } of schema.values) {
    const values = rows.map((row) => row[name] ?? null).filter((value) => value !== null);
    if (merge === null || values.length === 0) result[name] = null;
    else if (merge === 'max')
      result[name] = values.map(Number).reduce((most, value) => Math.max(most, value));
    else result[name] = values.reduce(add);
  }
  return result;
}

/** Numbers, or money, which is text and must not become a float before it is a sum. */
function add(a: string | number, b: string | number): string | number {
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  const [left, right] = [parseMoneySum(String(a)), parseMoneySum(String(b))];
  if (typeof left !== 'bigint' || typeof right !== 'bigint')
    throw new TypeError(`${a} or ${b} is not an amount of money`);
  return formatMoney(left + right);
}

function fieldsOf(schema: MetricSchema, row: MetricRow): [string, FieldValue][] {
  const fields: [string, FieldValue][] = [];
  if (schema.keys.includes(RANKED_KEY))
    fields.push([RANKED_KEY, { type: 'string', value: String(row[RANKED_KEY]) }]);
  for (const { name, type } of schema.values) {
    const value = row[name] ?? null;
    if (value !== null)
      fields.push(
        type === 'decimal' ? [decimalField(name), float(value)] : [name, { type, value: Number(value) }],
      );
  }
  return fields;
}

/** Places of one millisecond. */
const PLACES = 1_000_000;
/**
 * Offsets that follow each other get places far apart: room for the lines of a record that holds several. It has no factor
 * in common with PLACES, so a million offsets get a million places; near PLACES over the golden ratio, it spreads them most evenly.
 */
const STRIDE = 618_033;

/**
 * Where an event is within its millisecond, from its place in the log alone: sent again, it is the same point. Without it
 * the events of one day of a shop whose times are dates would overwrite each other.
 */
function placeOf({ offset, line }: RawEvent): number {
  return ((offset % PLACES) * STRIDE + line) % PLACES;
}

/** The line of an event. A field that the event lacks is left out; `events` is always there, as a point needs a field. */
export function rawLine(event: RawEvent, admit: Admit): Line {
  const { userId, productId, responseTime } = event;
  let fields = 'events=1i';
  if (userId !== null) fields += `,user_id=${stringField(userId)}`;
  if (productId !== null) fields += `,product_id=${stringField(productId)}`;
  if (responseTime !== null) fields += `,response_time=${integerField(responseTime)}`;
  return { series: rawSeries(event, admit), fields, time: timeText(event.timeMs, placeOf(event)) };
}

/** Series that were made before, by what they were made of: there are few, and each is of many events. */
const seriesMade = new WeakMap<Admit, Map<string, string>>();
/** What comes from outside must not grow it without end. */
const SERIES_MADE_MAX = 10_000;

function rawSeries({ eventType, deviceType, statusCode, partition }: RawEvent, admit: Admit): string {
  let made = seriesMade.get(admit);
  if (!made) {
    made = new Map();
    seriesMade.set(admit, made);
  }
  const key = `${eventType}\n${deviceType}\n${statusCode}\n${partition}`;
  const known = made.get(key);
  if (known !== undefined) return known;
  const values = [eventType, deviceType, statusCode === null ? null : String(statusCode)];
  const tags = RAW_TAGS.map((name, index): [string, string] => {
    const value = values[index] ?? null;
    return [name, value === null ? '' : admit(name, tagValue(value))];
  });
  // Offsets of other partitions are alike; a log of one partition needs no such tag.
  if (partition > 0) tags.push(['log_partition', String(partition)]);
  const series = seriesOf(RAW_MEASUREMENT, tags);
  if (made.size >= SERIES_MADE_MAX) made.clear();
  made.set(key, series);
  return series;
}
