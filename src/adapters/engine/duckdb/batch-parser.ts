import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { addCount, type CountsBySource, type Offset, sumCounts } from '../../../domain/offset.ts';
import type { BatchParser, LogPieces, ParsedLines, StagedBatch } from '../../../ports/batch.ts';
import { isOneRun, type LogBatch } from '../../../ports/event-log.ts';
import { type Connection, quote } from './database.ts';
import { type LinesKnown, parseSql } from './schema-sql.ts';

/**
 * Longest line that the CSV reader takes. The door cuts lines at 1 MiB at most, but a marked one can be six times as
 * long: each of its control characters is written as an escape.
 */
const LINE_BYTES_MAX = 8 * 1024 * 1024;

/** A run of lines that share source and received-at, and follow each other in the log, as rows of the relation. */
interface Chunk {
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

const NEWLINE = 0x0a;
const ZERO = 0x30;
const NINE = 0x39;
/** Nine digits and a separator, which is a character that is in no line. */
const PREFIX_BYTES = 10;

/**
 * Parses lines with DuckDB: the bytes go to a temp file, each line behind its number, and are read, typed and judged in
 * one statement. The numbers are in the file because DuckDB reads the parts of a file side by side, in no order. The
 * lines' origin comes from a CASE tree over the number, which is far cheaper than a join.
 */
export function createBatchParser(connection: Connection, tempDir: string, timeZone: string): BatchParser {
  let sequence = 0;

  async function stage(pieces: LogPieces): Promise<StagedBatch> {
    const file = join(tempDir, `lines-${process.pid}-${randomUUID()}.ndjson`);
    const discard = () => rm(file, { force: true });
    try {
      const written = await writeLines(file, pieces);
      return { parse: () => parse(file, written).finally(discard), discard };
    } catch (error) {
      await discard();
      throw error;
    }
  }

  async function parse(
    file: string,
    { chunks, sources, receivedAtMaxMs, judged }: WrittenLines,
  ): Promise<ParsedLines> {
    const id = sequence++;
    const relation = `memory.batch_${id}`;
    try {
      const rows = withOrigin(file, chunks);
      const create = (known: LinesKnown) =>
        connection.run(`CREATE TABLE ${relation} AS ${parseSql(rows, timeZone, known)}`);
      await create(judged ? 'judged' : 'json').catch(() => create('any'));
      const counts = await connection.row<{ lines: number; bad: number }>(
        `SELECT count(*) AS lines, count(reason) AS bad FROM ${relation}`,
      );
      const expected = sumCounts(sources);
      if (counts.lines !== expected) {
        const { partition, firstOffset } = chunks[0]!;
        throw new Error(
          `parsed ${counts.lines} lines from offset ${firstOffset} of partition ${partition} on, but the log has ${expected}`,
        );
      }
      const { lines, bad: badLines } = counts;
      return { lines, badLines, sources, receivedAtMaxMs, relation };
    } catch (error) {
      await connection.run(`DROP TABLE IF EXISTS ${relation}`);
      throw error;
    }
  }

  async function release({ relation }: ParsedLines): Promise<void> {
    await connection.run(`DROP TABLE IF EXISTS ${relation}`);
  }

  return { stage, release };
}

interface WrittenLines {
  chunks: Chunk[];
  sources: CountsBySource;
  receivedAtMaxMs: number;
  /** Whether the door has judged all of them. */
  judged: boolean;
}

/** Writes the bytes of all lines to `file`, and notes where they came from. */
async function writeLines(file: string, pieces: LogPieces): Promise<WrittenLines> {
  const written: WrittenLines = { chunks: [], sources: {}, receivedAtMaxMs: 0, judged: true };
  const handle = await open(file, 'wx');
  let rows = 0;
  let last: LogBatch | undefined;
  let memory: Buffer = Buffer.alloc(0);
  try {
    for await (const batches of pieces) {
      memory = roomFor(batches, memory);
      await writeAll(handle, numbered(batches, rows, memory));
      for (const batch of batches) {
        const { partition, firstOffset, sharesOffset, lines, receivedAtMs, source, judged } = batch;
        addCount(written.sources, source, lines);
        if (!isOneRun(last, batch))
          written.chunks.push({ firstRow: rows, partition, firstOffset, sharesOffset, receivedAtMs, source });
        rows += lines;
        written.receivedAtMaxMs = Math.max(written.receivedAtMaxMs, receivedAtMs);
        written.judged &&= judged;
        last = batch;
      }
    }
  } finally {
    await handle.close();
  }
  return written;
}

async function writeAll(handle: FileHandle, bytes: Buffer): Promise<void> {
  const { bytesWritten } = await handle.write(bytes);
  if (bytesWritten !== bytes.length)
    throw new Error(`short write of lines to parse: ${bytesWritten} of ${bytes.length} bytes`);
}

/** Memory for the numbered lines of `batches`: `memory` itself where it is large enough. */
function roomFor(batches: LogBatch[], memory: Buffer): Buffer {
  const size = batches.reduce((sum, { bytes, lines }) => sum + bytes.length + lines * PREFIX_BYTES, 0);
  return size <= memory.length ? memory : Buffer.allocUnsafeSlow(size + (size >> 3));
}

/** The lines of the batches in `target`, each as `<number>\x01<line>`, numbers from `first` on. */
function numbered(batches: LogBatch[], first: number, target: Buffer): Buffer {
  const prefix = Buffer.from(`${String(first).padStart(PREFIX_BYTES - 1, '0')}\x01`);
  let to = 0;
  for (const { firstOffset, lines, bytes } of batches) {
    let from = 0;
    for (let line = 0; line < lines; line++) {
      const end = bytes.indexOf(NEWLINE, from) + 1;
      // Offsets are derived from the numbers: a line more or less would shift all that follow.
      if (end === 0)
        throw new Error(`the log has ${line} lines from offset ${firstOffset} on, but should have ${lines}`);
      to += prefix.copy(target, to);
      to += bytes.copy(target, to, from, end);
      from = end;
      increment(prefix);
    }
    if (from < bytes.length)
      throw new Error(`the log has more than ${lines} lines from offset ${firstOffset} on`);
  }
  return target.subarray(0, to);
}

/** Adds one to the number that is written in `prefix`. */
function increment(prefix: Buffer): void {
  let at = PREFIX_BYTES - 2;
  for (; prefix[at] === NINE; at--) prefix[at] = ZERO;
  prefix[at]!++;
}

/** The lines with their origin columns. */
function withOrigin(file: string, chunks: Chunk[]): string {
  const lines = `read_csv(${quote(file)}, columns = {r: 'INTEGER', line: 'VARCHAR'}, delim = '\x01', quote = '', escape = '',
    header = false, auto_detect = false, max_line_size = ${LINE_BYTES_MAX}, buffer_size = ${LINE_BYTES_MAX})`;
  const received = chunks.map((chunk) => chunk.receivedAtMs * 1000);
  const sources = chunks.map((chunk) => quote(chunk.source));
  return `(
    SELECT line, ${partitionSql(chunks)} AS log_partition, ${placeSql(chunks)},
      make_timestamptz(list_extract([${received.join(',')}]::BIGINT[], chunk)) AS received_at,
      list_extract([${sources.join(',')}]::VARCHAR[], chunk) AS source
    FROM (SELECT line, r, ${chunkTree(chunks, 0, chunks.length)} AS chunk FROM ${lines})
  )`;
}

function partitionSql(chunks: Chunk[]): string {
  const ids = chunks.map(({ partition }) => partition);
  if (new Set(ids).size <= 1) return `${ids[0] ?? 0}::INTEGER`;
  return `list_extract([${ids.join(',')}]::INTEGER[], chunk)`;
}

/** Offset and line. Rows that share their offset count up the line, the others the offset. */
function placeSql(chunks: Chunk[]): string {
  const pick = (values: number[]) => `list_extract([${values.join(',')}]::BIGINT[], chunk)`;
  if (!chunks.some(({ sharesOffset }) => sharesOffset)) {
    const shifts = chunks.map(({ firstOffset, firstRow }) => firstOffset - firstRow);
    return `r + ${pick(shifts)} AS log_offset, 0::INTEGER AS log_line`;
  }
  const firstRows = pick(chunks.map(({ firstRow }) => firstRow));
  const offsetSteps = pick(chunks.map(({ sharesOffset }) => (sharesOffset ? 0 : 1)));
  return `${pick(chunks.map(({ firstOffset }) => firstOffset))} + (r - ${firstRows}) * ${offsetSteps} AS log_offset,
      ((r - ${firstRows}) * (1 - ${offsetSteps}))::INTEGER AS log_line`;
}

/** The number of the chunk (from 1) that holds row `r`, as a balanced tree of comparisons. */
function chunkTree(chunks: Chunk[], low: number, high: number): string {
  if (high - low <= 1) return `${low + 1}`;
  const middle = (low + high) >> 1;
  return `CASE WHEN r < ${chunks[middle]!.firstRow} THEN ${chunkTree(chunks, low, middle)} ELSE ${chunkTree(chunks, middle, high)} END`;
}
