import type { ArchiveTable } from '../../archive/archive.ts';
import { COUNTED, DECISIONS } from '../../decode/identity.ts';
import { BAD_ROW_COLUMNS, type Column, DATE_COLUMN, EVENT_COLUMNS } from '../../event/columns.ts';
import { COUNTS, type RowSelection, type TimeRange } from '../aggregates.ts';
import { eventsInput, linesInput, passSql, qualityInput } from '../pass-sql.ts';
import type { Pass } from '../plan.ts';
import { SPARK_DIALECT } from './dialect.ts';

/** What the driver is told to compute: see deploy/spark/driver.py. */
export interface Job {
  id: string;
  conf: Record<string, string>;
  tables: Record<ArchiveTable, { columns: Record<string, string>; files: readonly string[]; where: string }>;
  views: Record<string, string>;
  /** Queries, by the name of the folder that their result becomes. */
  passes: Record<string, string>;
  /** So few rows that one task takes them. */
  few: boolean;
  /** Folder on this machine, which is made. */
  output: string;
  /** Folder that executors elsewhere write to; the driver brings it to `output`. */
  remote?: string;
}

export interface JobInput {
  id: string;
  passes: readonly Pass[];
  rows: RowSelection;
  /** Addresses for Spark. */
  files: Record<ArchiveTable, readonly string[]>;
  output: string;
  remote?: string | undefined;
}

/** Up to so many rows one task is cheaper than several with a shuffle between them. */
const FEW_ROWS_MAX = 100_000;

/** A row must never end the job. */
const CONF = {
  'spark.sql.ansi.enabled': 'false',
  'spark.sql.session.timeZone': 'UTC',
  // Each task writes all passes, without sorting their rows first.
  'spark.sql.maxConcurrentOutputFileWriters': '64',
};

/** Aggregates of rows of the archive, and their number by source, as a job. */
export function jobOf({ id, passes, rows, files, output, remote }: JobInput): Job {
  const few = rows.expected <= FEW_ROWS_MAX;
  const counted = `(SELECT * FROM decided WHERE ${COUNTED})`;
  const others = '(SELECT * FROM decided WHERE NOT duplicate)';
  const duplicates = '(SELECT * FROM decided WHERE duplicate)';
  const quality = qualityInput(SPARK_DIALECT, { bad: 'bad_rows', duplicates, events: others });
  const events = eventsInput(SPARK_DIALECT, counted);
  const inputs = { events, lines: linesInput(SPARK_DIALECT, events), quality };
  return {
    id,
    // With one task there is nothing to adapt, and to try costs as much as the work.
    conf: { ...CONF, 'spark.sql.adaptive.enabled': String(!few) },
    tables: {
      events: { columns: columnsOf(EVENT_COLUMNS), files: files.events, where: whereSql(rows) },
      bad_rows: {
        columns: columnsOf(BAD_ROW_COLUMNS),
        files: files.bad_rows,
        where: rows.eventMs ? 'false' : whereSql(rows),
      },
    },
    views: { decided: `SELECT * EXCEPT (duplicate, new_order), ${DECISIONS} FROM events` },
    passes: {
      ...Object.fromEntries(passes.map((pass) => [pass.name, passSql(pass, SPARK_DIALECT, inputs)])),
      [COUNTS]: countsSql(),
    },
    few,
    output,
    ...(remote === undefined ? {} : { remote }),
  };
}

/** Columns of a table's files with their types of Spark. */
function columnsOf(columns: readonly Column[]): Record<string, string> {
  const type = ({ deltaType }: Column) => (deltaType === 'long' ? 'BIGINT' : deltaType);
  return Object.fromEntries(
    columns.filter(({ name }) => name !== DATE_COLUMN).map((column) => [column.name, type(column)]),
  );
}

function whereSql({ ranges, receivedMs, eventMs }: RowSelection): string {
  const parts = ranges.map(
    ({ partition, start, end }) =>
      `(log_partition = ${partition} AND log_offset >= ${start} AND log_offset < ${end})`,
  );
  const conditions = [parts.join(' OR ') || 'false'];
  if (receivedMs) conditions.push(withinSql('received_at', [receivedMs]));
  if (eventMs) conditions.push(withinSql('event_time', eventMs));
  return conditions.map((each) => `(${each})`).join(' AND ');
}

function withinSql(column: string, ranges: readonly TimeRange[]): string {
  const bound = (operator: string, ms: number) =>
    Number.isFinite(ms) ? [`${column} ${operator} timestamp_millis(${ms})`] : [];
  const parts = ranges.map(({ fromMs, toMs }) =>
    [...bound('>=', fromMs), ...bound('<', toMs), 'true'].join(' AND '),
  );
  return parts.map((each) => `(${each})`).join(' OR ') || 'false';
}

function countsSql(): string {
  const [received, event] = [SPARK_DIALECT.minuteOf('received_at'), SPARK_DIALECT.minuteOf('event_time')];
  const counts = (
    low: string,
    high: string,
  ) => `source, CAST(count(*) AS BIGINT) AS n, least(min(${received}), ${low}) AS low,
    greatest(max(${received}), ${high}) AS high, max(unix_millis(received_at)) AS received_ms`;
  return `SELECT CASE WHEN duplicate THEN 'duplicate' WHEN excluded THEN 'excluded' ELSE 'counted' END AS state, ${counts(`min(${event})`, `max(${event})`)}
      FROM decided GROUP BY 1, 2
    UNION ALL SELECT 'bad' AS state, ${counts('NULL', 'NULL')} FROM bad_rows GROUP BY 1, 2`;
}
