import { hotFromMs, WINDOWS, type WindowSize } from '../../../domain/window.ts';
import { LATE_CLASSES, type Metric, QUANTILE_ERROR } from '../../../metrics/definition.ts';
import { keyColumns, type Slot, slotColumns, slotCounts, slotsOf } from './slots.ts';
import { quote } from './sql.ts';

/**
 * The catalogue as Spark SQL: judged lines -> what is counted of each -> items, in all their windows -> points as Kafka records.
 * Window starts are minutes since 1970; `win` is the index of the size in WINDOWS.
 */

/** Items that are no metric: what became of the lines, and windows that are to be computed from the archive. */
export const LEDGER = '~ledger';
export const DIRTY = '~dirty';

/** Columns that the metrics over events read. */
export const METRIC_COLUMNS = [
  'event_type',
  'user_id',
  'session_id',
  'product_id',
  'quantity',
  'price',
  'amount',
  'currency',
  'device_type',
  'response_time',
  'status_code',
] as const;

/** Ratio of neighbouring bucket bounds of DDSketch for QUANTILE_ERROR, and the bucket of 0, as the store reads them. */
const GAMMA = (1 + QUANTILE_ERROR) / (1 - QUANTILE_ERROR);
const ZERO_BUCKET = -1;
/** More buckets than whole numbers of 31 bits fall into: with room for each, their counts are exact. */
const BUCKETS_MAX = Math.ceil(Math.log(2 ** 31) / Math.log(GAMMA)) + 2;
/**
 * log2 of the hashes that a distinct count keeps: exact up to DISTINCT_EXACT_MAX, with room to spare. (With 15 an empty sketch
 * would take four times the memory, and each group begins with two.)
 */
const SKETCH_LOG2 = 16;

const MINUTE_US = 60_000_000;
/** An instant at which a window of every size begins in UTC: what is hot then tells the horizons. */
const EVEN_MS = Date.UTC(2026, 0, 1);
const HORIZON_MS: Record<WindowSize, number> = {
  '1m': EVEN_MS - hotFromMs('1m', EVEN_MS, 'UTC'),
  '1h': EVEN_MS - hotFromMs('1h', EVEN_MS, 'UTC'),
  '1d': EVEN_MS - hotFromMs('1d', EVEN_MS, 'UTC'),
};
const LONGEST_MINUTES: Record<WindowSize, number> = { '1m': 1, '1h': 60, '1d': 25 * 60 };
/** How much longer than the horizon Spark keeps a window: partitions of a backlog are read at different speeds. */
const SLACK_MS = 48 * 3_600_000;
const DIRTY_KEPT_MS = 40 * 86_400_000;
const FOR_EVER = "TIMESTAMP '9999-01-01 00:00:00'";

/** By what an item falls into windows: hot or cold ones of the line's time, those of its receipt, or none. */
const KINDS = { hot: 0, cold: 1, receipt: 2, ledger: 3 } as const;
type Kind = keyof typeof KINDS;
/** A bit for each size of windows. */
const ALL_WINS = (1 << WINDOWS.length) - 1;

/** The same for all marks of a day, or each would have a state of its own. */
const DIRTY_UNTIL = `timestamp_micros(${startSql('1d', 'received_us')} * ${MINUTE_US} + ${DIRTY_KEPT_MS}000L)`;

/** By which the ids of the state that tells duplicates are grouped: enough that each of hundreds of tasks gets about as many. */
export const BUCKETS = 16_384;

/** Rows for the state that tells duplicates (deploy/spark/Receipts.java): first the columns that it reads. */
export function receiptsSql(judged: string): string {
  return `SELECT pmod(hash(id), ${BUCKETS}) AS bucket, * FROM (
      SELECT CASE WHEN bad_reason IS NULL AND event_id IS NOT NULL THEN concat('=', event_id)
          ELSE concat('#', log_partition, '-', log_offset, '-', log_line) END AS id,
        received_us, log_partition, log_offset, log_line, source, bad_reason, event_us, ${METRIC_COLUMNS.join(', ')}
      FROM ${judged}
    )`;
}

/** First window starts (minutes) of which the job knows all; earlier ones are for the archive. */
export interface NotBefore {
  events: Readonly<Record<WindowSize, number>>;
  quality: Readonly<Record<WindowSize, number>>;
}

/**
 * What is counted of each line: whether it counts as an event, the reason of its quality, and the starts of its windows, an array
 * with one for each of WINDOWS: of its time where that is hot (`hot`) and where it is cold or begins before `whole` (`cold`),
 * and of its receipt (`receipt`). Where all lines are at hand, none is cold.
 */
export function factsSql(receipts: string, whole: NotBefore | 'all' | null): string {
  const lateMs = '((received_us - event_us) div 1000)';
  const late = [...LATE_CLASSES]
    .reverse()
    .map(({ fromMs, name }) => `WHEN ${lateMs} >= ${fromMs} THEN ${quote(name)}`);
  const columns = ['log_partition', 'log_offset', 'received_us', 'source', ...METRIC_COLUMNS].join(', ');
  const isWhole = (of: string, input: keyof NotBefore, size: WindowSize) =>
    whole === null || whole === 'all' ? 'true' : `${of} >= ${whole[input][size]}`;
  const isHot = (size: WindowSize) => {
    const start = startSql(size, 'event_us');
    return whole === 'all'
      ? 'true'
      : `(${start} >= ${startSql(size, `received_us - ${HORIZON_MS[size]}000L`)} AND ${isWhole(start, 'events', size)})`;
  };
  const starts = (start: (size: WindowSize) => string) => `array(${WINDOWS.map(start).join(', ')})`;
  const received = (size: WindowSize) => startSql(size, 'received_us');
  return `SELECT ${columns}, bad_reason, duplicate, counted, reason,
      CASE WHEN counted AND ${lateMs} >= ${LATE_CLASSES[0].fromMs} THEN event_us div ${MINUTE_US} END AS corrected,
      counted AND NOT (${WINDOWS.map(isHot).join(' AND ')}) AS some_cold,
      ${starts((size) => `CASE WHEN ${isHot(size)} THEN ${startSql(size, 'event_us')} END`)} AS hot,
      ${starts((size) => `CASE WHEN NOT ${isHot(size)} THEN ${startSql(size, 'event_us')} END`)} AS cold,
      ${starts((size) => `CASE WHEN ${isWhole(received(size), 'quality', size)} THEN ${received(size)} END`)} AS receipt
    FROM (
      SELECT *, bad_reason IS NULL AND NOT duplicate AS counted,
        CASE WHEN bad_reason IS NOT NULL THEN bad_reason WHEN duplicate THEN 'duplicate' ${late.join(' ')} END AS reason
      FROM ${receipts}
    )`;
}

/** Start of the window, in minutes. Days are those of the session's time zone. */
function startSql(size: WindowSize, us: string): string {
  if (size === '1m') return `floor((${us}) / ${MINUTE_US})`;
  if (size === '1h') return `floor((${us}) / ${60 * MINUTE_US}) * 60`;
  return `floor(unix_micros(date_trunc('DAY', timestamp_micros(${us}))) / ${MINUTE_US})`;
}

/** What each line adds to: one item for each metric that counts it, with the windows that it falls into by `kind`. */
export function itemsSql(catalogue: readonly Metric[], facts: string): string {
  const keys = keyColumns(catalogue);
  const slots = slotColumns(slotCounts(catalogue));
  const item = (name: string, kind: Kind, when: string, wins: number, values: Record<string, string>) => {
    const fields = [...keys, ...slots].map(
      (column) => `${quote(column)}, CAST(${values[column] ?? 'NULL'} AS ${columnType(column)})`,
    );
    const head = `'metric', ${quote(name)}, 'kind', ${KINDS[kind]}, 'wins', ${wins}`;
    return `CASE WHEN ${when} THEN named_struct(${head}, ${fields.join(', ')}) END`;
  };
  const items = catalogue.map((metric) => {
    const named = Object.fromEntries(
      metric.keys.map(({ sql }, index) => [keys[index]!, `coalesce(${sql}, 'unknown')`]),
    );
    const values = Object.fromEntries(slotsOf(metric).map((slot) => [slot.column, valueSql(slot)]));
    const [kind, counts] =
      metric.input === 'events'
        ? (['hot', 'counted'] as const)
        : (['receipt', 'reason IS NOT NULL'] as const);
    const when = metric.where === undefined ? counts : `${counts} AND (${metric.where})`;
    const wins = metric.windows.reduce((mask, size) => mask | (1 << WINDOWS.indexOf(size)), 0);
    return item(metric.name, kind, when, wins, { ...named, ...values });
  });
  items.push(
    item(DIRTY, 'cold', 'some_cold', ALL_WINS, { k1: 'log_partition', x1: 'log_offset + 1' }),
    item(LEDGER, 'ledger', 'true', ALL_WINS, {
      k1: 'log_partition',
      k2: 'source',
      c1: 'CAST(counted AS INT)',
      c2: 'CAST(duplicate AND bad_reason IS NULL AS INT)',
      c3: 'CAST(bad_reason IS NOT NULL AS INT)',
      x1: 'log_offset + 1',
      x2: 'received_us div 1000',
    }),
  );
  const columns = ['metric', 'kind', 'wins', ...keys, ...slots].map((column) => `item.${column}`);
  return `SELECT received_us, hot, cold, receipt, ${columns.join(', ')}
    FROM (SELECT received_us, hot, cold, receipt, explode(array(${items.join(',\n      ')})) AS item FROM ${facts})
    WHERE item IS NOT NULL`;
}

/** The items, each in all its windows, and how long the window is kept. The ledger's is one without a size. */
export function windowsSql(catalogue: readonly Metric[], items: string): string {
  const columns = ['metric', ...keyColumns(catalogue), ...slotColumns(slotCounts(catalogue))].join(', ');
  const ends = WINDOWS.map((size, win) => `WHEN ${win} THEN ${keepUntil(size, 'start')}`);
  return `SELECT CASE WHEN kind = ${KINDS.ledger} THEN -1 ELSE win END AS win, start,
      CASE WHEN kind = ${KINDS.ledger} THEN ${FOR_EVER} WHEN kind = ${KINDS.cold} THEN ${DIRTY_UNTIL} ELSE CASE win ${ends.join(' ')} END END AS keep_until,
      ${columns}
    FROM (
      SELECT *, posexplode(CASE kind WHEN ${KINDS.hot} THEN hot WHEN ${KINDS.cold} THEN cold WHEN ${KINDS.receipt} THEN receipt
        ELSE array(0L) END) AS (win, start)
      FROM ${items}
    ) WHERE start IS NOT NULL AND shiftright(wins, win) % 2 = 1`;
}

const keepUntil = (size: WindowSize, start: string) =>
  `timestamp_micros((${start} + ${LONGEST_MINUTES[size]}) * ${MINUTE_US} + ${HORIZON_MS[size] + SLACK_MS}000L)`;

/** What one row adds to the value. */
function valueSql({ of }: Slot): string {
  if (of.kind === 'count') return of.where === undefined ? '1' : `CASE WHEN ${of.where} THEN 1 ELSE 0 END`;
  if (of.kind === 'sum') return of.where === undefined ? of.of : `CASE WHEN ${of.where} THEN ${of.of} END`;
  if (of.kind === 'quantile')
    return `CASE WHEN ${of.of} <= 0 THEN ${ZERO_BUCKET} ELSE CAST(ceil(ln(${of.of}) / ln(${GAMMA}D)) AS INT) END`;
  return of.of;
}

function columnType(column: string): string {
  return { c: 'BIGINT', m: 'DECIMAL(28,4)', x: 'BIGINT', d: 'STRING', h: 'INT', k: 'STRING' }[column[0]!]!;
}

/** The aggregation, and a record of the points topic for each of its rows, with the start of its window. */
export function pointsSql(catalogue: readonly Metric[], windows: string, jobId: string): string {
  const keys = keyColumns(catalogue);
  const record = (metric: string, named: string[], values: string[]) =>
    recordSql(jobId, metric, named, values);
  const group = ['metric', 'win', 'start', 'keep_until', ...keys].join(', ');
  const slots = slotColumns(slotCounts(catalogue)).map((column) => `${aggregateSql(column)} AS ${column}`);
  const records = catalogue.map((metric) => {
    const values = slotsOf(metric).map((slot) => `${quote(slot.value)}, ${resultSql(slot)}`);
    const named = metric.keys.map((key, index) => `${quote(key.name)}, ${keys[index]}`);
    return `WHEN ${quote(metric.name)} THEN ${record(metric.name, named, values)}`;
  });
  const past = `'partition', CAST(k1 AS INT)`;
  records.push(
    `WHEN ${quote(DIRTY)} THEN ${record(DIRTY, [past], ["'past', x1"])}`,
    `WHEN ${quote(LEDGER)} THEN ${record(LEDGER, [past, "'source', k2"], ["'counted', c1", "'duplicate', c2", "'bad', c3", "'past', x1", "'received_ms', x2"])}`,
  );
  return `SELECT to_json(array(metric, CAST(win AS STRING), CAST(start AS STRING), ${keys.join(', ')})) AS key,
      CASE metric ${records.join('\n        ')} END AS value, start
    FROM (SELECT ${group}, ${slots.join(', ')} FROM ${windows} GROUP BY ${group})`;
}

function aggregateSql(column: string): string {
  if (column.startsWith('x')) return `max(${column})`;
  if (column.startsWith('h')) return `approx_top_k(${column}, ${BUCKETS_MAX}, ${BUCKETS_MAX})`;
  return column.startsWith('d') ? `theta_sketch_agg(${column}, ${SKETCH_LOG2})` : `sum(${column})`;
}

function recordSql(jobId: string, metric: string, keys: string[], values: string[]): string {
  const window = `element_at(array(${WINDOWS.map(quote).join(', ')}), win + 1)`;
  const struct = (fields: string[]) => (fields.length > 0 ? `named_struct(${fields.join(', ')})` : 'map()');
  return `to_json(named_struct('metric', ${quote(metric)}, 'window', CASE WHEN win >= 0 THEN ${window} END, 'start_ms', start * 60000, 'keys', ${struct(keys)}, 'values', ${struct(values)}, 'job', ${quote(jobId)}))`;
}

/** Money as text: a JSON number would be read as a double. A histogram as a list of buckets (`item`) with their `count`. */
function resultSql({ column, of }: Slot): string {
  if (of.kind === 'distinct') return `theta_sketch_estimate(${column})`;
  if (of.kind === 'sum')
    return of.type === 'money' ? `CAST(coalesce(${column}, 0) AS STRING)` : `coalesce(${column}, 0)`;
  return column;
}
