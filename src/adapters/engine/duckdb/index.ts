import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Metric } from '../../../metrics/definition.ts';
import type { BatchParser, EventReader, ParquetTool } from '../../../ports/batch.ts';
import { createBatchParser } from './batch-parser.ts';
import type { DuckDbConfig } from './config.ts';
import { Database } from './database.ts';
import { DuckDbEngine } from './engine.ts';
import { createEventReader } from './event-rows.ts';
import { openState } from './open-state.ts';
import { createParquetTool } from './parquet.ts';
import { DuckDbStore } from './store.ts';

export interface DuckDbOptions {
  /** Folder of the state file; created. */
  dir: string;
  /** Folders of the archive, which SQL reads and writes too. */
  archiveDirs: string[];
  catalogue: readonly Metric[];
  timeZone: string;
  /** Identity of the log that the metrics are of: state of another log is not used. */
  logId: string;
  config: DuckDbConfig;
  now: () => number;
  /** Rows by which a table of the state grows before it is folded; for tests. */
  foldRowsMin?: number;
}

export interface DuckDb {
  parser: BatchParser;
  events: EventReader;
  parquet: ParquetTool;
  engine: DuckDbEngine;
  store: DuckDbStore;
  /** What was found at the start, for the log: empty when all was well. */
  message: string;
  close(): Promise<void>;
}

/**
 * Opens DuckDB with the metrics state. State that does not open, or that another version, catalogue or time zone wrote,
 * is deleted: it is a cache, and the caller fills an empty engine from the archive or the log.
 */
export async function openDuckDb(options: DuckDbOptions): Promise<DuckDb> {
  const tempDir = join(options.dir, 'temp');
  const file = join(options.dir, 'metrics.duckdb');
  await mkdir(options.dir, { recursive: true });
  await rm(tempDir, { recursive: true, force: true });
  await mkdir(tempDir, { recursive: true });
  const database = await Database.open({
    directories: [options.dir, ...options.archiveDirs].map((dir) => `${dir}/`),
    threads: options.config.threads,
    memoryMb: options.config.memory_mb,
    tempDir,
  });
  const message = await openState(database, file, {
    identity: [options.logId, options.timeZone],
    catalogue: options.catalogue,
    other:
      'The metrics were written with other definitions, of another log or in another time zone: rebuilding them.',
    broken: (reason) => `The metrics state did not open (${reason}): rebuilding it.`,
  });
  // One connection for each kind of work: DuckDB runs them side by side.
  const connection = await database.connect();
  const parsing = await database.connect();
  const reading = await database.connect();
  const writing = await database.connect();
  const querying = [await database.connect(), await database.connect()];
  const { catalogue, timeZone, now, foldRowsMin } = options;
  const engine = await DuckDbEngine.open({
    connection,
    catalogue,
    timeZone,
    now,
    ...(foldRowsMin === undefined ? {} : { foldRowsMin }),
  });
  const store = new DuckDbStore(querying, engine, catalogue, timeZone);
  return {
    parser: createBatchParser(parsing, tempDir, timeZone),
    events: createEventReader(reading),
    parquet: createParquetTool(writing),
    engine,
    store,
    message,
    async close() {
      await engine.close();
      for (const open of [parsing, reading, writing, ...querying]) open.close();
      database.close();
      await rm(tempDir, { recursive: true, force: true });
    },
  };
}
