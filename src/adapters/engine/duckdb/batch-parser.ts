import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { addCount, type CountsBySource, type Offset, sumCounts } from '../../../domain/offset.ts';
import type { BatchParser, LogPieces, ParsedBatch, StagedBatch } from '../../../ports/batch.ts';
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

  async function stage(partition: number, from: Offset, pieces: LogPieces): Promise<StagedBatch> {
    const file = join(tempDir, `lines-${process.pid}-${randomUUID()}.ndjson`);
    const discard = () => rm(file, { force: true });
    try {
      const written = await writeLines(file, from, pieces);
      const parseIt = () => parse(partition, from, file, written).finally(discard);
      return { to: written.to, parse: parseIt, discard };
    } catch (error) {
      await discard();
      throw error;
    }
  }

  async function parse(
    partition: number,
    from: Offset,
    file: string,
    { chunks, sources, to, receivedAtMaxMs }: WrittenLines,
  ): Promise<ParsedBatch> {
    const id = sequence++;
    const relation = `memory.batch_${id}`;
    const linesTable = `memory.lines_${id}`;
    try {
      // Offsets follow from the order. The setting is of the whole database, so it goes with its statement: another parse
      // must not come in between. Other statements that start meanwhile only lose memory by it.
      await connection.run(`SET preserve_insertion_order = true;
        CREATE TABLE ${linesTable} AS
        SELECT line FROM read_csv(${quote(file)}, columns = {line: 'VARCHAR'}, delim = '\x01', quote = '', escape = '',
          header = false, auto_detect = false, max_line_size = ${LINE_BYTES_MAX},
          buffer_size = ${LINE_BYTES_MAX});
        SET preserve_insertion_order = false`);
      const rows = withOrigin(linesTable, partition, chunks);
      const create = (json: 'trusted' | 'checked') =>
        connection.run(`CREATE TABLE ${relation} AS ${parseSql(rows, timeZone, json)}`);
      // The door marks what is not JSON; only lines that passed no door can fail here.
      await create('trusted').catch(() => create('checked'));
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
      const { lines, bad: badLines } = counts;
      return { partition, from, to, lines, badLines, sources, lost: {}, receivedAtMaxMs, relation };
    } catch (error) {
      await connection.run(`DROP TABLE IF EXISTS ${relation}`);
      throw error;
    } finally {
      await connection.run(`DROP TABLE IF EXISTS ${linesTable}`);
    }
  }

  async function release(batch: ParsedBatch): Promise<void> {
    await connection.run(`DROP TABLE IF EXISTS ${batch.relation}`);
  }

  return { stage, release };
}

interface WrittenLines {
  chunks: Chunk[];
  sources: CountsBySource;
  /** Offset after the last line. */
  to: Offset;
  receivedAtMaxMs: number;
}

/** Writes the bytes of all lines to `file`, and notes where they came from. */
async function writeLines(file: string, from: Offset, pieces: LogPieces): Promise<WrittenLines> {
  const written: WrittenLines = { chunks: [], sources: {}, to: from, receivedAtMaxMs: 0 };
  const handle = await open(file, 'wx');
  let rows = 0;
  try {
    for await (const batches of pieces) {
      await writeAll(handle, batches);
      for (const { firstOffset, lines, receivedAtMs, source } of batches) {
        addCount(written.sources, source, lines);
        const last = written.chunks.at(-1);
        // Neighbours with the same source and received-at, and offsets that follow on, are one chunk.
        const follows =
          last?.source === source && last.receivedAtMs === receivedAtMs && written.to === firstOffset;
        if (!follows) written.chunks.push({ firstRow: rows, firstOffset, receivedAtMs, source });
        rows += lines;
        written.to = firstOffset + lines;
        written.receivedAtMaxMs = receivedAtMs;
      }
    }
  } finally {
    await handle.close();
  }
  return written;
}

async function writeAll(handle: FileHandle, batches: LogBatch[]): Promise<void> {
  // writev takes at most 1024 buffers on Linux.
  for (let i = 0; i < batches.length; i += 1024) {
    const bytes = batches.slice(i, i + 1024).map((batch) => batch.bytes);
    const expected = bytes.reduce((sum, buffer) => sum + buffer.length, 0);
    const { bytesWritten } = await handle.writev(bytes);
    if (bytesWritten !== expected)
      throw new Error(`short write of parsed lines: ${bytesWritten} of ${expected} bytes`);
  }
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
