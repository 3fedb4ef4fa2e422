import { measurementOf } from '../../src/sinks/influxdb/layout.ts';
import {
  fieldsOf,
  type Language,
  type QueryTarget,
  type Question,
  RECENT_MINUTES,
  type Span,
  type TagCondition,
} from './question.ts';

/** Values of tags that had none for so long are not offered; InfluxDB 1.8 takes no time here, but a duration. */
const VALUES_DAYS = 1825;

/** Flux: InfluxDB 2, and 1.8 where Flux is on. Only what Flux had in 1.8 is used. */
export const flux: Language = {
  name: 'flux',
  title: 'Flux',
  datasource: { type: 'influxdb', uid: 'tillstream-flux' },
  target: (question): QueryTarget => ({ query: pipeline(question).join('\n  |> ') }),
  tagValues: (measurement, tag) =>
    [
      'import "influxdata/influxdb/v1"',
      `v1.tagValues(bucket: v.defaultBucket, tag: "${tag}", predicate: (r) => r._measurement == "${measurement}", start: -${VALUES_DAYS}d)`,
    ].join('\n'),
};

/** The size of window that is chosen. */
const WINDOW = '${window}';
const SECOND = 1_000_000_000;
const beforeEnd = (nanoseconds: string) => `time(v: int(v: v.timeRangeStop) ${nanoseconds})`;

/** As in InfluxQL; `stop` is excluded, hence the nanosecond. */
const SPANS: Record<Span, (size: string) => [start: string, stop: string]> = {
  range: () => ['v.timeRangeStart', 'v.timeRangeStop'],
  complete: (size) => [
    beforeEnd(`+ ${SECOND + 1} - 2 * int(v: ${size})`),
    beforeEnd(`+ ${SECOND + 1} - int(v: ${size})`),
  ],
  recent: () => [beforeEnd(`- ${(RECENT_MINUTES + 1) * 60 * SECOND}`), beforeEnd(`- ${60 * SECOND}`)],
};

/**
 * Every pipeline but that of a table ends in the columns _time, _value and _field, where _field is the name of the series:
 * Grafana then shows a series by that name alone, as it shows the alias of InfluxQL.
 */
function pipeline(question: Question): string[] {
  const { by, span = 'range' } = question;
  const fields = fieldsOf(question);
  const [start, stop] = SPANS[span](question.window ?? WINDOW);
  const source = [
    'from(bucket: v.defaultBucket)',
    `range(start: ${start}, stop: ${stop})`,
    `filter(fn: (r) => ${conditions(question, fields)})`,
  ];
  if ('table' in question) return [...source, ...table(question.table.tag, fields)];
  if ('each' in question) return [...source, ...each(question.each, by)];
  if ('sum' in question) return [...source, ...sum(question, question)];
  if ('ratio' in question) return [...source, ...ratio(question, question.ratio, question.perWindow)];
  if ('step' in question) return [...source, ...step(question, question.step)];
  const choose = 'last' in question ? ['sort(columns: ["_time"])', 'last()'] : ['max()'];
  const kept = `keep(columns: ["_time", "_value"${by === undefined ? '' : `, "${by}"`}])`;
  return [...source, group(by === undefined ? [] : [by]), ...choose, kept, ...named(question)];
}

function sum(question: Question, { perWindow, divisor }: { perWindow?: true; divisor?: number }): string[] {
  const time = perWindow ? '_time' : '_stop';
  const scaled =
    divisor === undefined ? [] : [`map(fn: (r) => ({r with _value: float(v: r._value) / ${divisor}.0}))`];
  return [
    group(question.by === undefined ? [time] : [time, question.by]),
    'sum()',
    ...(perWindow ? [] : ['rename(columns: {_stop: "_time"})']),
    ...scaled,
    ...named(question),
  ];
}

/** Whatever adds up to nothing has no ratio. */
function ratio(question: Question, [of, to]: readonly [string, string], perWindow?: true): string[] {
  const time = perWindow ? '_time' : '_stop';
  const keys = question.by === undefined ? [time] : [time, question.by];
  const name = question.by === undefined ? JSON.stringify(question.name) : `r.${question.by}`;
  return [
    'toFloat()',
    group([...keys, '_field']),
    'sum()',
    group([]),
    `pivot(rowKey: ${list(keys)}, columnKey: ["_field"], valueColumn: "_value")`,
    `filter(fn: (r) => r.${to} > 0.0)`,
    `map(fn: (r) => ({_time: r.${time}, _field: ${name}, _value: r.${of} / r.${to}}))`,
    ...bySeries,
  ];
}

function step(question: Question, { tag, from, to }: { tag: string; from: string; to: string }): string[] {
  return [
    'toFloat()',
    group([]),
    `filter(fn: (r) => r.${tag} == "${from}" or r.${tag} == "${to}")`,
    `pivot(rowKey: ["_time"], columnKey: ["${tag}"], valueColumn: "_value")`,
    `map(fn: (r) => ({_time: r._time, _field: ${JSON.stringify(question.name)}, _value: r.${to} / r.${from}}))`,
    ...bySeries,
  ];
}

function each(fields: readonly string[], by: string | undefined): string[] {
  if (by === undefined) return ['keep(columns: ["_time", "_value", "_field"])', ...bySeries];
  if (fields.length > 1) throw new TypeError('the series of several fields and tags have no names');
  return [`keep(columns: ["_time", "_value", "${by}"])`, `rename(columns: {${by}: "_field"})`, ...bySeries];
}

function table(tag: string, fields: readonly string[]): string[] {
  return [
    `pivot(rowKey: ["_time", "${tag}"], columnKey: ["_field"], valueColumn: "_value")`,
    `keep(columns: ${list(['_time', tag, ...fields])})`,
    group([]),
    `sort(columns: ["${tag}"])`,
  ];
}

function named({ by, name }: Question): string[] {
  if (by !== undefined) return [`rename(columns: {${by}: "_field"})`, ...bySeries];
  if (name === undefined) throw new TypeError('a series without tag needs a name');
  return [`set(key: "_field", value: ${JSON.stringify(name)})`, ...bySeries];
}

function conditions(question: Question, fields: readonly string[]): string {
  const { metric, window, onlyIfChosen, where = [] } = question;
  const sizes = window === undefined ? [WINDOW] : onlyIfChosen ? [window, WINDOW] : [window];
  const anyField = fields.map((field) => `r._field == "${field}"`).join(' or ');
  return [
    `r._measurement == "${measurementOf(metric)}"`,
    fields.length === 1 ? anyField : `(${anyField})`,
    ...sizes.map((size) => `r.window == "${size}"`),
    ...where.map(condition),
  ].join(' and ');
}

function condition(of: TagCondition): string {
  const tag = `r.${of.tag}`;
  if ('is' in of) return `${tag} == "${of.is}"`;
  if ('isNot' in of) return `${tag} != "${of.isNot}"`;
  if ('matches' in of) return `${tag} =~ /${of.matches}/`;
  if ('matchesNot' in of) return `${tag} !~ /${of.matchesNot}/`;
  return 'one' in of ? `${tag} =~ /^\${${of.one}:regex}$/` : `${tag} =~ /^\${${of.tag}:regex}$/`;
}

const list = (names: readonly string[]) => `[${names.map((name) => `"${name}"`).join(', ')}]`;
const group = (names: readonly string[]) =>
  names.length === 0 ? 'group()' : `group(columns: ${list(names)})`;
const bySeries = [group(['_field']), 'sort(columns: ["_time"])'];
