import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import type { WindowSize } from '../../src/metrics/window.ts';
import { decimalField, tagNames } from '../../src/sinks/influxdb/layout.ts';
import type { cog } from './sdk.ts';

/**
 * What a panel asks of InfluxDB, in no language. Points are full values of windows, so only what can be added is added:
 * `sum` over tags and windows, `ratio` as a sum over a sum. Quantiles and distinct users are only ever taken as they
 * are (`each`, `last`).
 */
export type Question = {
  metric: string;
  /** The windows to read; the size that the variable names, unless it is a certain one. */
  window?: WindowSize;
  /** Of that size only, and only while the variable names it. */
  onlyIfChosen?: boolean;
  where?: readonly TagCondition[];
  span?: Span;
  /** A series for each value of this tag, named by it. */
  by?: string;
  /** Name of the series where no tag and no field names it. */
  name?: string;
} & What;

type What =
  /** One number a series, or one for each window. */
  | { sum: string; perWindow?: true; divisor?: number }
  | { ratio: readonly [of: string, to: string]; perWindow?: true }
  /** The field of the tag's first value over that of its second, for one window. */
  | { step: { field: string; tag: string; from: string; to: string } }
  | { last: string }
  | { max: string }
  /** The points as they are; series are named by the tag, or else by the field. */
  | { each: readonly string[] }
  /** A table of tags and fields. */
  | { table: { tag: string; fields: readonly string[] } };

export type TagCondition =
  | { tag: string; is: string }
  | { tag: string; isNot: string }
  /** A regular expression, without its slashes. */
  | { tag: string; matches: string }
  | { tag: string; matchesNot: string }
  /** Any of the chosen values of a variable; the variable is called like the tag unless it is named. */
  | { tag: string; chosen: true }
  | { tag: string; one: string };

/**
 * range: windows that start in the time range.
 * complete: the last window that is over at the end of the range.
 * recent: the last RECENT_MINUTES windows of a minute that are over.
 */
export type Span = 'range' | 'complete' | 'recent';

export const RECENT_MINUTES = 5;

/** One flavour of the dashboards. */
export interface Language {
  name: 'influxql' | 'flux';
  title: string;
  datasource: { type: 'influxdb'; uid: string };
  target(question: Question): QueryTarget;
  /** Text of the query for the values of a tag. */
  tagValues(measurement: string, tag: string): string;
}

export interface QueryTarget {
  query: string;
  rawQuery?: true;
  resultFormat?: 'time_series' | 'table';
  alias?: string;
}

/** The SDK has no builder for queries to InfluxDB. */
export function influxQuery(
  language: Language,
  refId: string,
  question: Question,
): cog.Builder<cog.Dataquery> {
  check(question);
  const query = { refId, datasource: language.datasource, ...language.target(stored(question)) };
  return { build: () => query as unknown as cog.Dataquery };
}

/** The question by the names of the fields in InfluxDB. */
function stored(question: Question): Question {
  return 'sum' in question && isDecimal(question.metric, question.sum)
    ? { ...question, sum: decimalField(question.sum) }
    : question;
}

function isDecimal(name: string, field: string): boolean {
  const aggregate = CATALOGUE.find((metric) => metric.name === name)?.values[field];
  return aggregate?.kind === 'sum' && aggregate.type === 'decimal';
}

/** The fields that a question reads. */
export function fieldsOf(question: Question): readonly string[] {
  if ('sum' in question) return [question.sum];
  if ('ratio' in question) return question.ratio;
  if ('step' in question) return [question.step.field];
  if ('last' in question) return [question.last];
  if ('max' in question) return [question.max];
  return 'each' in question ? question.each : question.table.fields;
}

/** A dashboard can't ask for what the catalogue does not have. */
function check(question: Question): void {
  const metric = CATALOGUE.find(({ name }) => name === question.metric);
  if (!metric) throw new TypeError(`there is no metric ${question.metric}`);
  const keys = metric.keys.map(({ name }) => name);
  const values = [...Object.keys(metric.values), ...Object.keys(metric.derived ?? {})];
  const tags = tagNames({ name: metric.name, keys, values: [] });
  const ranked = keys.filter((key) => !tags.includes(key));
  for (const field of fieldsOf(question)) {
    if (![...values, ...ranked].includes(field)) throw new TypeError(`${metric.name} has no value ${field}`);
    if ('sum' in question && !isAdded(metric.name, field))
      throw new TypeError(`${metric.name}.${field} of windows and keys can't be added`);
  }
  const asked = [question.by, ...(question.where ?? []).map(({ tag }) => tag)];
  for (const tag of asked) {
    if (tag !== undefined && !tags.includes(tag)) throw new TypeError(`${metric.name} has no tag ${tag}`);
  }
  if (question.window && !metric.windows.includes(question.window))
    throw new TypeError(`${metric.name} has no windows of ${question.window}`);
}

function isAdded(name: string, field: string): boolean {
  const aggregate = CATALOGUE.find((metric) => metric.name === name)?.values[field];
  return aggregate?.kind === 'count' || aggregate?.kind === 'sum';
}

/** What the catalogue says about a value. */
export function meaning(name: string, field: string): string {
  const metric = CATALOGUE.find((candidate) => candidate.name === name);
  const value = metric?.values[field] ?? metric?.derived?.[field];
  if (!value) throw new TypeError(`${name} has no value ${field}`);
  return value.description;
}
