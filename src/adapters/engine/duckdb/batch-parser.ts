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
/** With more chunks the rows are written once more with their origin: each statement over a view plans its tree anew. */
const VIEW_CHUNKS_MAX = 128;

/**
 * Parses lines with DuckDB: the bytes go to a temp file as they are, and are typed and judged in one statement that keeps
 * their order. Where a row came from follows from its number, by a CASE tree, which is far cheaper than a join.
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
    const relation = `memory.batch_${sequence++}`;
    const table = rowsOf(relation);
    const text = `read_csv(${quote(file)}, columns = {line: 'VARCHAR'}, delim = '\x01', quote = '', escape = '',
      header = false, auto_detect = false, max_line_size = ${LINE_BYTES_MAX}, buffer_size = ${LINE_BYTES_MAX})`;
    const create = (json: 'trusted' | 'checked') =>
      connection.run(`CREATE TABLE ${table} AS ${parseSql(text, { timeZone, receivedAtMaxMs, json })}`);
    try {
      // The setting is of the whole database; other statements that start meanwhile only lose memory by it.
      await connection.run('SET preserve_insertion_order = true');
      // The door marks what is not JSON; only lines that passed no door can fail here.
      await create('trusted').catch(() => create('checked'));
      await connection.run('SET preserve_insertion_order = false');
      let rows = withOrigin(table, partition, chunks);
      if (chunks.length > VIEW_CHUNKS_MAX) {
        await connection.run(`CREATE OR REPLACE TABLE ${table} AS ${rows}`);
        rows = `FROM ${table}`;
      }
      await connection.run(`CREATE VIEW ${relation} AS ${rows}`);
      const counted = await connection.row<{ lines: number; bad: number }>(
        `SELECT count(*) AS lines, count(reason) AS bad FROM ${table}`,
      );
      const expected = sumCounts(sources);
      if (counted.lines !== expected) {
        // Offsets are derived from row numbers: a line more or less would shift all that follow.
        throw new Error(
          `parsed ${counted.lines} lines of offsets ${from} to ${to}, but the log has ${expected}`,
        );
      }
      const { lines, bad: badLines } = counted;
      return { partition, from, to, lines, badLines, sources, lost: {}, receivedAtMaxMs, relation };
    } catch (error) {
      await drop(relation);
      throw error;
    }
  }

  async function drop(relation: string): Promise<void> {
    await connection.run(`DROP VIEW IF EXISTS ${relation}`);
    await connection.run(`DROP TABLE IF EXISTS ${rowsOf(relation)}`);
  }

  return { stage, release: (batch) => drop(batch.relation) };
}

const rowsOf = (relation: string) => `${relation}_rows`;

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

/** The parsed rows with their origin columns, which follow from a row's number. */
function withOrigin(table: string, partition: number, chunks: Chunk[]): string {
  const shifts = chunks.map((chunk) => chunk.firstOffset - chunk.firstRow);
  const received = chunks.map((chunk) => chunk.receivedAtMs * 1000);
  const sources = chunks.map((chunk) => quote(chunk.source));
  return `
    SELECT * EXCLUDE (r, chunk), ${partition}::INTEGER AS log_partition,
      r + list_extract([${shifts.join(',')}]::BIGINT[], chunk) AS log_offset, 0::INTEGER AS log_line,
      make_timestamptz(list_extract([${received.join(',')}]::BIGINT[], chunk)) AS received_at,
      list_extract([${sources.join(',')}]::VARCHAR[], chunk) AS source
    FROM (SELECT *, ${chunkTree(chunks, 0, chunks.length)} AS chunk FROM (SELECT *, rowid AS r FROM ${table}))`;
}

/** The number of the chunk (from 1) that holds row `r`, as a balanced tree of comparisons. */
function chunkTree(chunks: Chunk[], low: number, high: number): string {
  if (high - low <= 1) return `${low + 1}`;
  const middle = (low + high) >> 1;
  return `CASE WHEN r < ${chunks[middle]!.firstRow} THEN ${chunkTree(chunks, low, middle)} ELSE ${chunkTree(chunks, middle, high)} END`;
}
