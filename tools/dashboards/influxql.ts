import { measurementOf } from '../../src/sinks/influxdb/layout.ts';
import {
  type Language,
  type QueryTarget,
  type Question,
  RECENT_MINUTES,
  type Span,
  type TagCondition,
} from './question.ts';

/** InfluxQL: InfluxDB 1.8, and the later ones by their v1 API. */
export const influxql: Language = {
  name: 'influxql',
  title: 'InfluxQL',
  datasource: { type: 'influxdb', uid: 'tillstream-influxql' },
  target,
  tagValues: (measurement, tag) => `SHOW TAG VALUES FROM "${measurement}" WITH KEY = "${tag}"`,
};

/** The size of window that is chosen. */
const WINDOW = '${window}';

/**
 * A second is added, as ranges like "yesterday" end a millisecond before midnight: the day they end in is over. A day of
 * 25 hours has an hour, once a year, in which none is found.
 */
const SPANS: Record<Span, (size: string) => string> = {
  range: () => '$timeFilter',
  complete: (size) => `time > \${__to}ms + 1s - ${size} - ${size} AND time <= \${__to}ms + 1s - ${size}`,
  recent: () => `time >= \${__to}ms - ${RECENT_MINUTES + 1}m AND time < \${__to}ms - 1m`,
};

/**
 * Adds up what lies at the same time. Every window of every size starts on a minute, also days of any time zone, so that
 * minutes keep the times as they are; buckets of a day would be days of UTC.
 */
const SAME_TIME = 'time(1m)';

function target(question: Question): QueryTarget {
  const named = question.name ?? ('each' in question ? '$col' : undefined);
  const alias = question.by === undefined ? named : `$tag_${question.by}`;
  const format = 'table' in question ? 'table' : 'time_series';
  return {
    query: statement(question),
    rawQuery: true,
    resultFormat: format,
    ...(alias === undefined ? {} : { alias }),
  };
}

function statement(question: Question): string {
  const { by } = question;
  const from = `FROM "${measurementOf(question.metric)}" WHERE ${conditions(question)}`;
  const tags = by === undefined ? '' : ` GROUP BY "${by}"`;
  const groups = (perWindow: true | undefined) =>
    perWindow ? ` GROUP BY ${SAME_TIME}${by === undefined ? '' : `, "${by}"`} fill(none)` : tags;
  if ('sum' in question) {
    const scale = question.divisor === undefined ? '' : ` / ${question.divisor}`;
    return `SELECT sum("${question.sum}")${scale} ${from}${groups(question.perWindow)}`;
  }
  if ('ratio' in question) {
    const [of, to] = question.ratio;
    // Counts would be divided as integers here.
    const sums = `SELECT 1.0 * sum("${of}") / sum("${to}") AS "ratio", sum("${to}") AS "to" ${from}`;
    return `SELECT "ratio" FROM (${sums}${groups(question.perWindow)}) WHERE "to" > 0${tags}`;
  }
  if ('step' in question) {
    const { field, tag, from: first, to } = question.step;
    const part = (name: string, value: string) =>
      `(SELECT "${field}" AS "${name}" ${from} AND "${tag}" = '${value}')`;
    // Aggregates of two subqueries see only one of them, unless a third gathers them first.
    const parts = `SELECT "to", "from" FROM ${part('to', to)}, ${part('from', first)}`;
    return `SELECT sum("to") / sum("from") FROM (${parts})`;
  }
  if ('last' in question) return `SELECT last("${question.last}") ${from}${tags}`;
  if ('max' in question) return `SELECT max("${question.max}") ${from}${tags}`;
  const columns = 'each' in question ? question.each : [question.table.tag, ...question.table.fields];
  return `SELECT ${columns.map((name) => `"${name}"`).join(', ')} ${from}${tags}`;
}

function conditions(question: Question): string {
  const { window, onlyIfChosen, where = [], span = 'range' } = question;
  const sizes = window === undefined ? [WINDOW] : onlyIfChosen ? [window, WINDOW] : [window];
  return [
    ...sizes.map((size) => `"window" = '${size}'`),
    ...where.map(condition),
    SPANS[span](sizes[0]!),
  ].join(' AND ');
}

function condition(of: TagCondition): string {
  const tag = `"${of.tag}"`;
  if ('is' in of) return `${tag} = '${of.is}'`;
  if ('isNot' in of) return `${tag} != '${of.isNot}'`;
  if ('matches' in of) return `${tag} =~ /${of.matches}/`;
  if ('matchesNot' in of) return `${tag} !~ /${of.matchesNot}/`;
  return 'one' in of ? `${tag} =~ /^\${${of.one}:regex}$/` : `${tag} =~ /^\${${of.tag}:regex}$/`;
}
