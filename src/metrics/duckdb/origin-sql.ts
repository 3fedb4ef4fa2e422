import type { Offset } from '../../log/offset.ts';
import { quote } from './database.ts';

/** A run of lines that share source and received-at, and follow each other in the log, as rows of a table. */
export interface Chunk {
  firstRow: number;
  partition: number;
  firstOffset: Offset;
  sharesOffset: boolean;
  receivedAtMs: number;
  source: string;
}

/**
 * Most chunks that one batch may hold: each is a leaf of a CASE tree. A caller that has more cuts the batch.
 */
export const CHUNKS_MAX = 2048;

/**
 * The origin columns of a table whose rows are the lines in their order: `log_partition`, `log_offset`, `log_line`,
 * `received_at` and `source`, from the row's number alone. The CASE tree that finds the chunk of a row is far cheaper than a
 * join, and nothing is stored.
 */
export function originSql(chunks: readonly Chunk[], row: string): Record<OriginColumn, string> {
  const chunk = chunkTree(chunks, row, 0, chunks.length);
  const pick = <T>(values: T[], type: string, show = String as (value: T) => string) =>
    new Set(values).size <= 1
      ? `${values.length > 0 ? show(values[0]!) : 'NULL'}::${type}`
      : `list_extract([${values.map(show).join(',')}]::${type}[], ${chunk})`;
  const received = pick(
    chunks.map(({ receivedAtMs }) => receivedAtMs * 1000),
    'BIGINT',
  );
  return {
    log_partition: pick(
      chunks.map(({ partition }) => partition),
      'INTEGER',
    ),
    ...placeSql(chunks, row, pick),
    received_at: `make_timestamptz(${received})`,
    source: pick(
      chunks.map(({ source }) => source),
      'VARCHAR',
      quote,
    ),
  };
}

type OriginColumn = 'log_partition' | 'log_offset' | 'log_line' | 'received_at' | 'source';

/** Rows that share their offset count up the line, the others the offset. */
function placeSql(
  chunks: readonly Chunk[],
  row: string,
  pick: (values: number[], type: string) => string,
): Pick<Record<OriginColumn, string>, 'log_offset' | 'log_line'> {
  if (!chunks.some(({ sharesOffset }) => sharesOffset)) {
    const shifts = chunks.map(({ firstOffset, firstRow }) => firstOffset - firstRow);
    return { log_offset: `(${row} + ${pick(shifts, 'BIGINT')})`, log_line: '0::INTEGER' };
  }
  const firstRow = pick(
    chunks.map((chunk) => chunk.firstRow),
    'BIGINT',
  );
  const firstOffset = pick(
    chunks.map((chunk) => chunk.firstOffset),
    'BIGINT',
  );
  const step = pick(
    chunks.map(({ sharesOffset }) => (sharesOffset ? 0 : 1)),
    'BIGINT',
  );
  return {
    log_offset: `(${firstOffset} + (${row} - ${firstRow}) * ${step})`,
    log_line: `((${row} - ${firstRow}) * (1 - ${step}))::INTEGER`,
  };
}

/** The number of the chunk (from 1) that holds row `row`, as a balanced tree of comparisons. */
function chunkTree(chunks: readonly Chunk[], row: string, low: number, high: number): string {
  if (high - low <= 1) return `${low + 1}`;
  const middle = (low + high) >> 1;
  return `CASE WHEN ${row} < ${chunks[middle]!.firstRow} THEN ${chunkTree(chunks, row, low, middle)} ELSE ${chunkTree(chunks, row, middle, high)} END`;
}
