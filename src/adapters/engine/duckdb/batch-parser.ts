import { randomUUID } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { addCount, type CountsBySource, type Offset, sumCounts } from '../../../domain/offset.ts';
import type { BatchParser, ParsedBatch } from '../../../ports/batch.ts';
import type { LogBatch } from '../../../ports/event-log.ts';
import { type Connection, quote } from './database.ts';
import { parseSql } from './schema-sql.ts';

/**
 * Longest line that the CSV reader takes. The door cuts lines at 1 MiB at most, but a marked one can be six times as
 * long: each of its control characters is written as an escape.
 */
const LINE_BYTES_MAX = 8 * 1024 * 1024;

/** A run of lines that share source and received-at, as rows of the relation. */
interface Chunk {
  firstRow: number;
  firstOffset: Offset;
  receivedAtMs: number;
  source: string;
}

/**
 * Most chunks that one batch may hold: each is a leaf of a CASE tree. A caller that has more cuts the batch.
 */
export const CHUNKS_MAX = 2048;

/**
 * Parses lines with DuckDB: the bytes go to a temp file as they are, come back as a table of lines, and are then typed
 * and judged in one statement. The lines' origin comes from a CASE tree over the row number, which is far cheaper than
 * a join and keeps the order.
 */
export function createBatchParser(connection: Connection, tempDir: string, timeZone: string): BatchParser {
  let sequence = 0;

  async function parse(
    partition: number,
    from: Offset,
    to: Offset,
    batches: LogBatch[],
  ): Promise<ParsedBatch> {
    const id = sequence++;
    const relation = `memory.batch_${id}`;
    const linesTable = `memory.lines_${id}`;
    const file = join(tempDir, `lines-${process.pid}-${randomUUID()}.ndjson`);
    const chunks = chunksOf(batches);
    const sources: CountsBySource = {};
    for (const batch of batches) addCount(sources, batch.source, batch.lines);
    const receivedAtMaxMs = batches.at(-1)?.receivedAtMs ?? 0;
    try {
      await writeLines(file, batches);
      // They are the larger part of the memory, and in the file now.
      batches.length = 0;
      await connection.run(`CREATE TABLE ${linesTable} AS
        SELECT line FROM read_csv(${quote(file)}, columns = {line: 'VARCHAR'}, delim = '\x01', quote = '', escape = '',
          header = false, auto_detect = false, max_line_size = ${LINE_BYTES_MAX},
          buffer_size = ${LINE_BYTES_MAX})`);
      await connection.run(
        `CREATE TABLE ${relation} AS ${parseSql(withOrigin(linesTable, partition, chunks), timeZone)}`,
      );
      const counts = await connection.row<{ lines: number; bad: number }>(
        `SELECT count(*) AS lines, count(reason) AS bad FROM ${relation}`,
      );
      const expected = sumCounts(sources);
      if (counts.lines !== expected) {
        // Offsets are derived from row numbers: a line more or less would shift all that follow.
        throw new Error(
          `parsed ${counts.lines} lines of offsets ${from} to ${to}, but the log has ${expected}`,
        );
      }
      return {
        partition,
        from,
        to,
        lines: counts.lines,
        badLines: counts.bad,
        sources,
        receivedAtMaxMs,
        relation,
      };
    } catch (error) {
      await connection.run(`DROP TABLE IF EXISTS ${relation}`);
      throw error;
    } finally {
      await connection.run(`DROP TABLE IF EXISTS ${linesTable}`);
      await rm(file, { force: true });
    }
  }

  async function release(batch: ParsedBatch): Promise<void> {
    await connection.run(`DROP TABLE IF EXISTS ${batch.relation}`);
  }

  return { parse, release };
}

async function writeLines(file: string, batches: LogBatch[]): Promise<void> {
  const handle = await open(file, 'wx');
  try {
    // writev takes at most 1024 buffers on Linux.
    for (let i = 0; i < batches.length; i += 1024) {
      const bytes = batches.slice(i, i + 1024).map((batch) => batch.bytes);
      const expected = bytes.reduce((sum, buffer) => sum + buffer.length, 0);
      const { bytesWritten } = await handle.writev(bytes);
      if (bytesWritten !== expected)
        throw new Error(`short write to ${file}: ${bytesWritten} of ${expected} bytes`);
    }
  } finally {
    await handle.close();
  }
}

/** Neighbours with the same source and received-at, and offsets that follow on, are one chunk. */
export function chunksOf(batches: readonly LogBatch[]): Chunk[] {
  const chunks: Chunk[] = [];
  let row = 0;
  let nextOffset = -1;
  for (const { firstOffset, lines, receivedAtMs, source } of batches) {
    const last = chunks.at(-1);
    const follows =
      last && last.source === source && last.receivedAtMs === receivedAtMs && nextOffset === firstOffset;
    if (!follows) chunks.push({ firstRow: row, firstOffset, receivedAtMs, source });
    row += lines;
    nextOffset = firstOffset + lines;
  }
  return chunks;
}

/** The lines with their origin columns. */
function withOrigin(linesTable: string, partition: number, chunks: Chunk[]): string {
  const shifts = chunks.map((chunk) => chunk.firstOffset - chunk.firstRow);
  const received = chunks.map((chunk) => chunk.receivedAtMs * 1000);
  const sources = chunks.map((chunk) => quote(chunk.source));
  return `(
    SELECT line, ${partition}::INTEGER AS log_partition, r + list_extract([${shifts.join(',')}]::BIGINT[], chunk) AS log_offset,
      0::INTEGER AS log_line, make_timestamptz(list_extract([${received.join(',')}]::BIGINT[], chunk)) AS received_at,
      list_extract([${sources.join(',')}]::VARCHAR[], chunk) AS source
    FROM (SELECT line, r, ${chunkTree(chunks, 0, chunks.length)} AS chunk FROM
      (SELECT line, rowid AS r FROM ${linesTable}))
  )`;
}

/** The number of the chunk (from 1) that holds row `r`, as a balanced tree of comparisons. */
function chunkTree(chunks: Chunk[], low: number, high: number): string {
  if (high - low <= 1) return `${low + 1}`;
  const middle = (low + high) >> 1;
  return `CASE WHEN r < ${chunks[middle]!.firstRow} THEN ${chunkTree(chunks, low, middle)} ELSE ${chunkTree(chunks, middle, high)} END`;
}
