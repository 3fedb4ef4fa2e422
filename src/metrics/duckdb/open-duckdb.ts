import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ParquetReader, ParquetWriter } from '../../archive/parquet-tool.ts';
import type { BatchDecoder, EventReader, ValidateExternal } from '../../decode/batch.ts';
import type { Deduplicator } from '../../decode/deduplicator.ts';
import type { ArchiveAggregator } from '../aggregates.ts';
import type { Metric } from '../definition.ts';
import type { DoubtReader } from '../doubt-reader.ts';
import type { ArchivedBatches } from '../engine.ts';
import { planOf } from '../plan.ts';
import { createAggregatedBatches } from './aggregated-batches.ts';
import { createArchivedBatches } from './archived-batches.ts';
import { createBatchDecoder } from './batch-decoder.ts';
import type { DuckDbConfig } from './config.ts';
import { Database, type Intercept } from './database.ts';
import { DuckDbDoubtReader } from './doubt-rows.ts';
import { DuckDbEngine } from './engine.ts';
import { createEventReader } from './event-rows.ts';
import { IdentityDeduplicator } from './identities.ts';
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
  config: Pick<DuckDbConfig, 'threads' | 'memory_mb'>;
  now: () => number;
  validateExternal: ValidateExternal;
  /** What computes aggregates of the archive elsewhere; without one DuckDB does. */
  aggregator?: ArchiveAggregator | null;
  /** Rows by which a table of the state grows before it is compacted; for tests. */
  compactRowsMin?: number;
  /** Rows of the archive that are computed again at a time; for tests. */
  rebuildRowsMax?: number;
  /** Runs each statement; for tests that let some fail. */
  intercept?: Intercept;
  /** Gets what is to be said where the state was replaced by an empty one, also while this runs. */
  onStateLost?: (message: string) => void;
}

export interface DuckDb {
  decoder: BatchDecoder;
  deduplicator: Deduplicator;
  archived: ArchivedBatches;
  events: EventReader;
  parquet: ParquetWriter & ParquetReader;
  doubts: DoubtReader;
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
  const { aggregator = null } = options;
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
    intercept: options.intercept,
  });
  let message = '';
  let isOpen = false;
  await database.keepState(async (target) => {
    const found = await openState(target, file, {
      identity: [options.logId, options.timeZone, ...(aggregator ? [aggregator.name] : [])],
      catalogue: options.catalogue,
      other:
        'The metrics were written with other definitions, by another engine, of another log or in another time zone: rebuilding them.',
      broken: (reason) => `The metrics state is damaged (${reason}): it is filled again from the archive.`,
    });
    if (isOpen && found) options.onStateLost?.(found);
    else message ||= found;
  });
  isOpen = true;
  // One connection for each kind of work: DuckDB runs them side by side.
  const connection = await database.connect({ state: true });
  const decoding = await database.connect();
  const deciding = await database.connect({ state: true });
  const reading = await database.connect();
  const writing = await database.connect();
  const counting = await database.connect();
  const querying = [await database.connect({ state: true }), await database.connect({ state: true })];
  const { catalogue, timeZone, now, compactRowsMin, rebuildRowsMax } = options;
  const engine = await DuckDbEngine.open({
    connection,
    catalogue,
    timeZone,
    now,
    aggregator,
    ...(compactRowsMin === undefined ? {} : { compactRowsMin }),
    ...(rebuildRowsMax === undefined ? {} : { rebuildRowsMax }),
  });
  const store = new DuckDbStore(querying, engine, catalogue, timeZone);
  return {
    decoder: createBatchDecoder(decoding, tempDir, options.validateExternal),
    archived: aggregator
      ? createAggregatedBatches(counting, aggregator, planOf(catalogue).passes)
      : createArchivedBatches(counting),
    deduplicator: new IdentityDeduplicator(deciding, compactRowsMin),
    events: createEventReader(reading),
    parquet: createParquetTool(writing),
    doubts: new DuckDbDoubtReader(await database.connect()),
    engine,
    store,
    message,
    async close() {
      try {
        await engine.close();
      } finally {
        await database.close();
        await rm(tempDir, { recursive: true, force: true });
      }
    },
  };
}
