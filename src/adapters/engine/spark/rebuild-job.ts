import { EVENT_COLUMNS } from '../../../domain/columns.ts';
import type { Positions } from '../../../domain/offset.ts';
import { DUPLICATE_WITHIN_MS, type Metric } from '../../../metrics/definition.ts';
import type { ArchiveFile, ArchiveReader } from '../../../ports/engine.ts';
import { before, mergeRanges, utcDate } from '../duckdb/archive-rows.ts';
import type { TimeRange } from '../duckdb/wanted.ts';
import { isLocal, type SparkConfig } from './config.ts';
import { type BatchJob, NOT_ANSI } from './job.ts';
import { factsSql, itemsSql, LEDGER, METRIC_COLUMNS, pointsSql, receiptsSql, windowsSql } from './render.ts';
import { quote } from './sql.ts';

/** The windows of a range as a batch over the files of the archive, by the same SQL as from the log. */

export interface RebuildInput {
  catalogue: readonly Metric[];
  timeZone: string;
  /** Whole local days; may be infinite. */
  range: TimeRange;
  /** Lines past these stay out. */
  positions: Positions;
  /** Address of the folder of the tables. */
  address: string;
  output: string;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** Columns that the SQL reads, as in the tables of the archive. */
const ORIGIN = 'log_partition INT, log_offset BIGINT, log_line INT, received_at TIMESTAMP, source STRING';
const EVENT_NAMES: readonly string[] = ['event_time', 'event_id', ...METRIC_COLUMNS];
const SCHEMAS = {
  events: `${EVENT_COLUMNS.filter(({ name }) => EVENT_NAMES.includes(name))
    .map(({ name, deltaType }) => `${name} ${deltaType === 'integer' ? 'INT' : deltaType}`)
    .join(', ')}, ${ORIGIN}`,
  bad_rows: `reason STRING, ${ORIGIN}`,
};

/** Where Spark finds the archive, which is at `local` if it is a folder of this machine; null where that is not known. */
export function addressForSpark(
  { archive_url: given, master }: Pick<SparkConfig, 'archive_url' | 'master'>,
  local: string | null,
): string | null {
  return given ?? (isLocal(master) ? local : null);
}

/** Events of the archive in the range, about. */
export function rowsIn(archive: ArchiveReader, { fromMs, toMs }: TimeRange): number {
  return archive
    .dates('events')
    .filter(({ date }) => Date.parse(date) + DAY_MS > fromMs && Date.parse(date) < toMs)
    .reduce((sum, { rows }) => sum + rows, 0);
}

/** Calls `use` with the job; the files that it names stay until that settles. */
export function withRebuildJob<T>(
  archive: ArchiveReader,
  input: RebuildInput,
  use: (job: BatchJob) => Promise<T>,
): Promise<T> {
  const { catalogue, timeZone, range, positions, address, output } = input;
  const files = (table: string, found: ArchiveFile[]) =>
    found.map(({ path }) => `${address}/${table}/${path}`);
  return withEvents(archive, range, (events) =>
    archive.withNames('bad_rows', { receivedMs: [receivedIn(range)] }, (badRows) =>
      use({
        conf: { ...NOT_ANSI, 'spark.sql.session.timeZone': timeZone },
        tables: {
          events: { schema: SCHEMAS.events, files: files('events', events) },
          bad_rows: { schema: SCHEMAS.bad_rows, files: files('bad_rows', badRows) },
        },
        views: [
          { name: 'judged', sql: archivedSql(positions) },
          { name: 'receipts', sql: duplicatesSql(receiptsSql('judged')) },
          { name: 'facts', sql: factsSql('receipts', 'all') },
          { name: 'items', sql: itemsSql(catalogue, 'facts') },
          { name: 'windows', sql: withinSql(windowsSql(catalogue, 'items'), range) },
          {
            name: 'points',
            sql: `SELECT value FROM (${pointsSql(catalogue, 'windows', '')}) ORDER BY start`,
          },
        ],
        output,
      }),
    ),
  );
}

/** Received-at of the rows whose receipt falls into a window of the range: an hour may end after the day that it starts in. */
const receivedIn = ({ fromMs, toMs }: TimeRange): [number, number] => [fromMs, toMs + HOUR_MS - 1];

/** Files with the events of the range, by their time or by their receipt, and with all that may be duplicates of these. */
function withEvents<T>(
  archive: ArchiveReader,
  range: TimeRange,
  use: (files: ArchiveFile[]) => Promise<T>,
): Promise<T> {
  if (!Number.isFinite(range.fromMs) || !Number.isFinite(range.toMs))
    return archive.withNames('events', {}, use);
  const dates = new Set<string>();
  for (let ms = range.fromMs; ms < range.toMs + DAY_MS; ms += DAY_MS) dates.add(utcDate(ms));
  return archive.withNames('events', { dates }, (byTime) => {
    const received = [...byTime.map(({ receivedMs }) => receivedMs), receivedIn(range)]
      .map(([low, high]) => [low - DUPLICATE_WITHIN_MS, high] as const)
      .sort(([a], [b]) => a - b);
    return archive.withNames('events', { receivedMs: mergeRanges(received) }, use);
  });
}

/** Rows of the archive as lines that were judged, see judgedSql in schema-sql.ts. */
function archivedSql(positions: Positions): string {
  const origin = 'log_partition, log_offset, log_line, unix_micros(received_at) AS received_us, source';
  const columns = ['event_id', ...METRIC_COLUMNS];
  return `SELECT ${origin}, CAST(NULL AS STRING) AS bad_reason, unix_micros(event_time) AS event_us, ${columns.join(', ')}
      FROM events WHERE ${before(positions)}
    UNION ALL SELECT ${origin}, reason, NULL, ${columns.map(() => 'NULL').join(', ')} FROM bad_rows WHERE ${before(positions)}`;
}

/** What Receipts.java does from batch to batch. */
function duplicatesSql(receipts: string): string {
  const ms = 'received_us div 1000';
  return `SELECT *, coalesce(${ms} - lag(${ms}) OVER (PARTITION BY id ORDER BY received_us, log_partition, log_offset, log_line)
      <= ${DUPLICATE_WITHIN_MS}, false) AS duplicate FROM (${receipts})`;
}

function withinSql(windows: string, { fromMs, toMs }: TimeRange): string {
  const conditions = [
    `metric <> ${quote(LEDGER)}`,
    ...(Number.isFinite(fromMs) ? [`start >= ${fromMs / 60_000}`] : []),
    ...(Number.isFinite(toMs) ? [`start < ${toMs / 60_000}`] : []),
  ];
  return `SELECT * FROM (${windows}) WHERE ${conditions.join(' AND ')}`;
}
