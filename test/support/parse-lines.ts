import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BatchParser, ParsedBatch, ParsedLines } from '../../src/decode/batch.ts';
import type { LogBatch } from '../../src/log/event-log.ts';
import { createBatchParser } from '../../src/metrics/duckdb/batch-parser.ts';
import { type Connection, Database } from '../../src/metrics/duckdb/database.ts';

export interface ParserUnderTest {
  parser: BatchParser;
  connection: Connection;
  tempDir: string;
  /** Parses the batches of partition 0 and gives the rows of `select` in the order of the log. */
  rows<T>(batches: LogBatch[], select: string): Promise<T[]>;
  close(): Promise<void>;
}

/** A batch parser over an in-memory DuckDB, in a folder of its own. */
export async function openParser(timeZone: string): Promise<ParserUnderTest> {
  const dir = await mkdtemp(join(tmpdir(), 'tillstream-parser-'));
  const tempDir = join(dir, 'temp');
  await mkdir(tempDir);
  const database = await Database.open({ directories: [`${dir}/`], threads: 1, memoryMb: 400, tempDir });
  const connection = await database.connect();
  const parser = createBatchParser(connection, tempDir, timeZone);
  return {
    parser,
    connection,
    tempDir,
    async rows<T>(batches: LogBatch[], select: string) {
      const parsed = await parser.parse(() => [batches]);
      try {
        return await connection.rows<T>(`SELECT ${select} FROM ${parsed.relation} ORDER BY log_offset`);
      } finally {
        await parser.release(parsed);
      }
    },
    async close() {
      connection.close();
      database.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** What was parsed of `batches` of partition 0, which were read from `from` on. */
export function batchOf(parsed: ParsedLines, from: number, batches: readonly LogBatch[]): ParsedBatch {
  const to = batches.at(-1)?.nextOffset ?? from;
  return { ...parsed, spans: [{ partition: 0, from, to }], lost: {} };
}
