import type { ArchiveTable } from '../../archive/archive.ts';
import type { OffsetRange } from '../../decode/batch.ts';
import { COUNTED, DECISIONS } from '../../decode/identity.ts';
import { BAD_ROW_COLUMNS, type Column, DATE_COLUMN, EVENT_COLUMNS } from '../../event/columns.ts';
import { COUNTS, type RowSelection, type TimeRange } from '../aggregates.ts';
import type { ArchiveFile } from '../engine.ts';
import { eventsInput, linesInput, passSql, qualityInput } from '../pass-sql.ts';
import type { Pass } from '../plan.ts';
import { SPARK_DIALECT } from './dialect.ts';
import { resultsOf, unionSql } from './results.ts';

/** What the driver is told to compute: see deploy/spark/driver.py. */
export interface Job {
  id: string;
  conf: Record<string, string>;
  tables: Record<ArchiveTable, { columns: Record<string, string>; files: TableFiles; where: string }>;
  views: Record<string, string>;
  /** Its rows become files in folders by their `pass`. */
  query: string;
  /** So few rows that one task takes them. */
  few: boolean;
  /** Folder on this machine, which is made. */
  output: string;
  /** Folder that executors elsewhere write to; the driver brings it to `output`. */
  remote?: string;
}

/** Files of a table, as addresses for Spark. */
export interface TableFiles {
  large: readonly string[];
  /** Their rows are kept in memory: to open so many files once for each pass would cost more than all other work. */
  small: readonly string[];
}

export interface JobInput {
  id: string;
  passes: readonly Pass[];
  rows: RowSelection;
  files: Record<ArchiveTable, TableFiles>;
  output: string;
  remote?: string | undefined;
}

/** Up to so many rows one task is cheaper than several with a shuffle between them, and they have room in memory. */
const FEW_ROWS_MAX = 100_000;
const SMALL_FILE_ROWS_MAX = 5000;

/** Files of a table by their size, of which the job reads the rows. */
export function filesBySize(
  files: readonly ArchiveFile[],
  rows: RowSelection,
): Record<keyof TableFiles, ArchiveFile[]> {
  if (isFew(rows)) return { large: [], small: [...files] };
  let sum = 0;
  const ofSize = Object.groupBy(
    files.toSorted((a, b) => a.rows - b.rows),
    (file) => {
      sum += file.rows;
      const isSmall = file.rows > 0 && file.rows <= SMALL_FILE_ROWS_MAX && sum <= FEW_ROWS_MAX;
      return isSmall ? 'small' : 'large';
    },
  );
  return { large: ofSize.large ?? [], small: ofSize.small ?? [] };
}

const isFew = ({ expected }: RowSelection) => expected <= FEW_ROWS_MAX;

/** A row must never end the job. */
const CONF = {
  'spark.sql.ansi.enabled': 'false',
  'spark.sql.session.timeZone': 'UTC',
  // Each task writes all passes, without sorting their rows first.
  'spark.sql.maxConcurrentOutputFileWriters': '64',
};

/** Aggregates of rows of the archive, and their number by source, as a job. */
export function jobOf({ id, passes, rows, files, output, remote }: JobInput): Job {
  const few = isFew(rows);
  const counted = `(SELECT * FROM decided WHERE ${COUNTED})`;
  const quality = qualityInput(SPARK_DIALECT, { bad: 'bad_rows', events: 'decided' });
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
    query: unionSql(
      {
        ...Object.fromEntries(passes.map((pass) => [pass.name, passSql(pass, SPARK_DIALECT, inputs)])),
        [COUNTS]: countsSql(),
      },
      resultsOf(passes),
    ),
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
  const conditions = [offsetsSql(ranges)];
  if (receivedMs) conditions.push(withinSql('received_at', [receivedMs]));
  if (eventMs) conditions.push(withinSql('event_time', eventMs));
  return conditions.map((each) => `(${each})`).join(' AND ');
}

/**
 * Whether a row is in one of the ranges. Numbers in a condition would be part of the code that Spark makes of a query, which would
 * be made, compiled and optimised again for each job; lists are data of it.
 */
function offsetsSql(ranges: readonly OffsetRange[]): string {
  // Usually one: a partition has a place in each list.
  const rounds: Map<number, OffsetRange>[] = [];
  for (const range of ranges) {
    const free = rounds.find((round) => !round.has(range.partition));
    if (free) free.set(range.partition, range);
    else rounds.push(new Map([[range.partition, range]]));
  }
  const parts = rounds.map((round) => {
    const length = [...round.keys()].reduce((most, partition) => Math.max(most, partition + 1), 0);
    const bound = (of: 'start' | 'end') => {
      const bounds = Array.from({ length }, (_, partition) => `${round.get(partition)?.[of] ?? 0}L`);
      return `get(array(${bounds.join(', ')}), log_partition)`;
    };
    return `(log_offset >= ${bound('start')} AND log_offset < ${bound('end')})`;
  });
  return parts.join(' OR ') || 'false';
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
