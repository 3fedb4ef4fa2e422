import { hotFromMs, WINDOWS, type WindowSize } from '../../../domain/window.ts';
import { LATE_CLASSES, type Metric, QUANTILE_ERROR } from '../../../metrics/definition.ts';
import { ORIGIN } from './schema-sql.ts';
import { keyColumns, type Slot, slotColumns, slotCounts, slotsOf } from './slots.ts';
import { quote } from './sql.ts';

/**
 * The catalogue as Spark SQL: judged lines -> windows of each -> items, which are aggregated -> points as Kafka records.
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

/** Rows for the state that tells duplicates (deploy/spark/Receipts.java): first the columns that it reads. */
export function receiptsSql(judged: string): string {
  return `SELECT CASE WHEN bad_reason IS NULL AND event_id IS NOT NULL THEN concat('=', event_id)
        ELSE concat('#', log_partition, '-', log_offset, '-', log_line) END AS id,
      received_us, log_partition, log_offset, log_line, source, bad_reason, event_us, ${METRIC_COLUMNS.join(', ')}
    FROM ${judged}`;
}

/** First window starts (minutes) of which the job knows all; earlier ones are for the archive. */
export interface NotBefore {
  events: Readonly<Record<WindowSize, number>>;
  quality: Readonly<Record<WindowSize, number>>;
}

/**
 * A row for each line and window that it is in: of its time (`e`), of its receipt (`q`), and one for the ledger (`l`).
 * Windows that are cold for a line, or begin before `whole`, are told by `hot`; where all lines are at hand, none are.
 */
export function windowsSql(receipts: string, whole: NotBefore | 'all' | null): string {
  const lateMs = '((received_us - event_us) div 1000)';
  const late = [...LATE_CLASSES]
    .reverse()
    .map(({ fromMs, name }) => `WHEN ${lateMs} >= ${fromMs} THEN ${quote(name)}`);
  const columns = [...ORIGIN, 'bad_reason', 'duplicate', 'counted', 'reason', 'corrected', ...METRIC_COLUMNS];
  const rows = WINDOWS.flatMap((size, win) => {
    const start = startSql(size, 'event_us');
    const isWhole = (of: string, input: keyof NotBefore) =>
      whole === null || whole === 'all' ? '' : ` AND ${of} >= ${whole[input][size]}`;
    const isHot =
      whole === 'all'
        ? 'true'
        : `${start} >= ${startSql(size, `received_us - ${HORIZON_MS[size]}000L`)}${isWhole(start, 'events')}`;
    const received = startSql(size, 'received_us');
    return [
      `'e', ${win}, CASE WHEN counted THEN ${start} END, ${isHot}, CASE WHEN ${isHot} THEN ${keepUntil(size, start)} ELSE ${dirtyUntil()} END`,
      `'q', ${win}, CASE WHEN reason IS NOT NULL${isWhole(received, 'quality')} THEN ${received} END, true, ${keepUntil(size, received)}`,
    ];
  });
  return `SELECT ${columns.join(', ')}, kind, win, start, hot, keep_until FROM (
      SELECT ${columns.join(', ')}, stack(${rows.length + 1}, ${rows.join(', ')}, 'l', -1, 0L, true, ${FOR_EVER})
        AS (kind, win, start, hot, keep_until)
      FROM (
        SELECT *, bad_reason IS NULL AND NOT duplicate AS counted,
          CASE WHEN bad_reason IS NOT NULL THEN bad_reason WHEN duplicate THEN 'duplicate' ${late.join(' ')} END AS reason,
          CASE WHEN bad_reason IS NULL AND NOT duplicate AND ${lateMs} >= ${LATE_CLASSES[0].fromMs}
            THEN event_us div ${MINUTE_US} END AS corrected
        FROM ${receipts}
      )
    ) WHERE start IS NOT NULL`;
}

/** Start of the window, in minutes. Days are those of the session's time zone. */
function startSql(size: WindowSize, us: string): string {
  if (size === '1m') return `floor((${us}) / ${MINUTE_US})`;
  if (size === '1h') return `floor((${us}) / ${60 * MINUTE_US}) * 60`;
  return `floor(unix_micros(date_trunc('DAY', timestamp_micros(${us}))) / ${MINUTE_US})`;
}

const keepUntil = (size: WindowSize, start: string) =>
  `timestamp_micros((${start} + ${LONGEST_MINUTES[size]}) * ${MINUTE_US} + ${HORIZON_MS[size] + SLACK_MS}000L)`;

/** The same for all marks of a day, or each would have a state of its own. */
const dirtyUntil = () =>
  `timestamp_micros(${startSql('1d', 'received_us')} * ${MINUTE_US} + ${DIRTY_KEPT_MS}000L)`;

/** What each row of `windows` adds to: one item for each metric that counts it. */
export function itemsSql(catalogue: readonly Metric[], windows: string): string {
  const keys = keyColumns(catalogue);
  const slots = slotColumns(slotCounts(catalogue));
  const item = (name: string, when: string, values: Record<string, string>) => {
    const fields = [...keys, ...slots].map(
      (column) => `${quote(column)}, CAST(${values[column] ?? 'NULL'} AS ${columnType(column)})`,
    );
    return `CASE WHEN ${when} THEN named_struct('metric', ${quote(name)}, ${fields.join(', ')}) END`;
  };
  const items = catalogue.map((metric) => {
    const named = Object.fromEntries(
      metric.keys.map(({ sql }, index) => [keys[index]!, `coalesce(${sql}, 'unknown')`]),
    );
    const values = Object.fromEntries(slotsOf(metric).map((slot) => [slot.column, valueSql(slot)]));
    return item(metric.name, whenSql(metric), { ...named, ...values });
  });
  items.push(
    item(DIRTY, "kind = 'e' AND NOT hot", { k1: 'log_partition', x1: 'log_offset + 1' }),
    item(LEDGER, "kind = 'l'", {
      k1: 'log_partition',
      k2: 'source',
      c1: 'CAST(counted AS INT)',
      c2: 'CAST(duplicate AND bad_reason IS NULL AS INT)',
      c3: 'CAST(bad_reason IS NOT NULL AS INT)',
      x1: 'log_offset + 1',
      x2: 'received_us div 1000',
    }),
  );
  const columns = ['metric', ...keys, ...slots].map((column) => `item.${column}`);
  return `SELECT win, start, keep_until, ${columns.join(', ')}
    FROM (SELECT win, start, keep_until, explode(array(${items.join(',\n      ')})) AS item FROM ${windows})
    WHERE item IS NOT NULL`;
}

/** The rows of `windows` that a metric counts. */
function whenSql({ input, windows, where }: Metric): string {
  const wins = windows.map((size) => WINDOWS.indexOf(size)).join(', ');
  const kind = input === 'events' ? "kind = 'e' AND hot" : "kind = 'q'";
  return `${kind} AND win IN (${wins})${where === undefined ? '' : ` AND (${where})`}`;
}

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
export function pointsSql(catalogue: readonly Metric[], items: string, jobId: string): string {
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
    FROM (SELECT ${group}, ${slots.join(', ')} FROM ${items} GROUP BY ${group})`;
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
