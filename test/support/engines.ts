import { join } from 'node:path';
import { duckDbConfig } from '../../src/adapters/engine/duckdb/config.ts';
import { openDuckDb } from '../../src/adapters/engine/duckdb/index.ts';
import type { Config } from '../../src/app.ts';
import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import type { BatchParser, ParquetTool } from '../../src/ports/batch.ts';
import type { BatchEngine } from '../../src/ports/engine.ts';
import type { MetricsStore } from '../../src/ports/metrics-store.ts';

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
  foldRowsMin?: number;
}

export interface EngineUnderTest {
  parser: BatchParser;
  parquet: ParquetTool;
  engine: BatchEngine;
  store: MetricsStore;
  /** What was found wrong at the start; empty when all was well. */
  message: string;
  close(): Promise<void>;
}

/** Engines that are fed in this process: each runs every test that the others run. */
export const ENGINES = {
  duckdb: ({ dir, archiveDir, foldRowsMin, ...options }) =>
    openDuckDb({
      ...options,
      dir: join(dir, 'duckdb'),
      archiveDirs: [archiveDir],
      catalogue: CATALOGUE,
      config: duckDbConfig.parse({ threads: 2 }),
      ...(foldRowsMin === undefined ? {} : { foldRowsMin }),
    }),
} satisfies Partial<Record<AnyEngine, (options: EngineOptions) => Promise<EngineUnderTest>>>;
export type EngineName = keyof typeof ENGINES;

/** Engines that are programs of their own, and the suite of each with every golden input. An engine in neither list does not compile. */
export const GOLDEN_SUITES: Record<Exclude<AnyEngine, EngineName>, string> = {
  spark: 'golden-spark.slow.test.ts',
};

export const ENGINE_NAMES = Object.keys(ENGINES) as EngineName[];
