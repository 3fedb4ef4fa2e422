import type { Offset } from '../../log/offset.ts';
import { quote } from './database.ts';

/** Lines that share source and received-at, and follow each other in the log. */
export interface Run {
  lines: number;
  partition: number;
  firstOffset: Offset;
  sharesOffset: boolean;
  receivedAtMs: number;
  source: string;
}

/** Type of each origin column. */
const TYPES = {
  log_partition: 'INTEGER',
  log_offset: 'BIGINT',
  log_line: 'INTEGER',
  received_at: 'TIMESTAMPTZ',
  source: 'VARCHAR',
} as const;

type OriginColumn = keyof typeof TYPES;

const COLUMNS = Object.keys(TYPES).join(', ');

/** Where lines come from that are read in the order of their runs, which the number of a line alone tells. */
export interface LineOrigins {
  /**
   * Query of the lines that `lines` gives, to be made a table. Where they are fewer than those of the runs, the others have NULL in all of their
   * columns, and where they are more, these have no origin.
   */
  tableSql(lines: string): string;
  /** The origin columns of that table, as a list. */
  readonly columns: string;
}

/** Of one run they are expressions, which a small batch is planned with soonest; of others, columns beside those of the lines. */
export function lineOrigins(runs: readonly Run[]): LineOrigins {
  if (runs.length > 1)
    return {
      tableSql: (lines) => `SELECT * FROM (${lines}) AS lines POSITIONAL JOIN (${rowsSql(runs)}) AS origins`,
      columns: COLUMNS,
    };
  return { tableSql: (lines) => lines, columns: columnsOf(runs[0]) };
}

/** The origin columns of the only run; without one they are NULL. */
function columnsOf(run: Run | undefined): string {
  const values: Record<OriginColumn, string> = run
    ? {
        log_partition: String(run.partition),
        log_offset: run.sharesOffset ? String(run.firstOffset) : `${run.firstOffset} + rowid`,
        log_line: run.sharesOffset ? 'rowid' : '0',
        received_at: `make_timestamptz(${run.receivedAtMs * 1000})`,
        source: quote(run.source),
      }
    : { log_partition: 'NULL', log_offset: 'NULL', log_line: 'NULL', received_at: 'NULL', source: 'NULL' };
  return typed(values);
}

/** A row for each line of the runs, in their order. */
function rowsSql(runs: readonly Run[]): string {
  const sources = [...new Set(runs.map(({ source }) => source))];
  // One text for all values of a column is read far sooner than a list of them.
  const column = (value: (run: Run) => number) =>
    `CAST(unnest(string_split('${runs.map(value).join(' ')}', ' ')) AS BIGINT)`;
  const values: Record<OriginColumn, string> = {
    log_partition: 'log_partition',
    log_offset: 'log_offset + CASE WHEN shares_offset = 1 THEN 0 ELSE n END',
    log_line: 'CASE WHEN shares_offset = 1 THEN n ELSE 0 END',
    received_at: 'make_timestamptz(received_us)',
    source: `list_extract([${sources.map(quote).join(', ')}], source)`,
  };
  return `SELECT ${typed(values)} FROM (
    SELECT *, unnest(range(lines)) AS n FROM (
      SELECT ${column(({ lines }) => lines)} AS lines, ${column(({ partition }) => partition)} AS log_partition,
        ${column(({ firstOffset }) => firstOffset)} AS log_offset, ${column(({ sharesOffset }) => Number(sharesOffset))} AS shares_offset,
        ${column(({ receivedAtMs }) => receivedAtMs * 1000)} AS received_us, ${column(({ source }) => sources.indexOf(source) + 1)} AS source))`;
}

function typed(values: Record<OriginColumn, string>): string {
  return Object.entries(values)
    .map(([name, sql]) => `CAST(${sql} AS ${TYPES[name as OriginColumn]}) AS ${name}`)
    .join(', ');
}
