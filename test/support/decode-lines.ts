import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BatchDecoder, TypedBatch, TypedRows } from '../../src/decode/batch.ts';
import type { LogBatch } from '../../src/log/event-log.ts';
import { createBatchDecoder } from '../../src/metrics/duckdb/batch-decoder.ts';
import { type Connection, Database } from '../../src/metrics/duckdb/database.ts';
import { externalLines } from './external-lines.ts';

export interface DecoderUnderTest {
  decoder: BatchDecoder;
  connection: Connection;
  tempDir: string;
  /** Parses the batches of partition 0 and gives the rows of `select` in the order of the log. */
  rows<T>(batches: LogBatch[], select: string): Promise<T[]>;
  close(): Promise<void>;
}

/** A batch decoder over an in-memory DuckDB, in a folder of its own. */
export async function openDecoder(timeZone: string, threads = 1): Promise<DecoderUnderTest> {
  const dir = await mkdtemp(join(tmpdir(), 'tillstream-decoder-'));
  const tempDir = join(dir, 'temp');
  await mkdir(tempDir);
  const database = await Database.open({ directories: [`${dir}/`], threads, memoryMb: 400, tempDir });
  const connection = await database.connect();
  const decoder = createBatchDecoder(connection, tempDir, externalLines(timeZone));
  return {
    decoder,
    connection,
    tempDir,
    async rows<T>(batches: LogBatch[], select: string) {
      const decoded = await decoder.decode(() => [batches]);
      try {
        return await connection.rows<T>(`SELECT ${select} FROM ${decoded.rowsSql} ORDER BY log_offset`);
      } finally {
        await decoder.release(decoded);
      }
    },
    async close() {
      connection.close();
      await database.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** What was decoded of `batches` of partition 0, which were read from `from` on. */
export function batchOf(decoded: TypedRows, from: number, batches: readonly LogBatch[]): TypedBatch {
  const to = batches.at(-1)?.nextOffset ?? from;
  return { ...decoded, ranges: [{ partition: 0, start: from, end: to }], lost: {} };
}
