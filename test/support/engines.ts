import { join } from 'node:path';
import type { Config } from '../../src/app/app.ts';
import type { ParquetReader, ParquetWriter } from '../../src/archive/parquet-tool.ts';
import type { BatchDecoder } from '../../src/decode/batch.ts';
import type { Deduplicator } from '../../src/decode/deduplicator.ts';
import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import { duckDbConfig } from '../../src/metrics/duckdb/config.ts';
import { openDuckDb } from '../../src/metrics/duckdb/open-duckdb.ts';
import type { ArchivedBatches, BatchEngine } from '../../src/metrics/engine.ts';
import type { MetricsStore } from '../../src/metrics/metrics-store.ts';
import { externalLines } from './external-lines.ts';
import { sharedSpark } from './spark.ts';

/** The engines that a config can name. */
type AnyEngine = Config['engine']['kind'];

export interface EngineOptions {
  /** Folder for the state. */
  dir: string;
  archiveDir: string;
  logId: string;
  timeZone: string;
  now: () => number;
  /** Rows by which a table of the state grows before it is folded; unset: as in production. */
  compactRowsMin?: number;
  /** Rows of the archive that are computed again at a time; unset: as in production. */
  rebuildRowsMax?: number;
}

export interface EngineUnderTest {
  decoder: BatchDecoder;
  deduplicator: Deduplicator;
  archived: ArchivedBatches;
  parquet: ParquetWriter & ParquetReader;
  engine: BatchEngine;
  store: MetricsStore;
  /** What was found wrong at the start; empty when all was well. */
  message: string;
  close(): Promise<void>;
}

/** By what an engine computes. */
export const ENGINES = {
  duckdb: (options) => open(options, null),
  spark: (options) => open(options, sharedSpark()),
} satisfies Record<AnyEngine, (options: EngineOptions) => Promise<EngineUnderTest>>;
export type EngineName = keyof typeof ENGINES;

/** Engines that are fed with the log: each runs every test that the others run. Spark takes what is archived, and has suites of its own. */
export const ENGINE_NAMES: readonly EngineName[] = ['duckdb'];

async function open(
  { dir, archiveDir, ...options }: EngineOptions,
  program: ReturnType<typeof sharedSpark> | null,
): Promise<EngineUnderTest> {
  const elsewhere = await program;
  return openDuckDb({
    ...options,
    dir: join(dir, 'duckdb'),
    archiveDirs: [archiveDir, ...(elsewhere ? [elsewhere.dir] : [])],
    catalogue: CATALOGUE,
    validateExternal: externalLines(options.timeZone),
    config: duckDbConfig.parse({ threads: 1 }),
    aggregator: elsewhere?.spark ?? null,
  });
}
