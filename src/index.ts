/** The library: what a program may import from "tillstream", and nothing else. docs/embed.md explains it. */
export type { Finding } from './domain/finding.ts';
export type { IngestResult, LineError } from './domain/ingest-result.ts';
export type { Ledger, LedgerEntry } from './domain/ledger.ts';
export type { Logger } from './domain/logger.ts';
export type { PartStatus as ComponentStatus } from './domain/status.ts';
export type { WindowSize } from './domain/window.ts';
export type { MapFunction, ModuleContext, ModuleEvent } from './ingest/mapping/module-types.ts';
export {
  ConfigError,
  InputError,
  RejectedError,
  TillstreamError,
  UnavailableError,
} from './library/errors.ts';
export type { MappingSettings } from './library/mapping-settings.ts';
export { openPipeline } from './library/pipeline.ts';
export type {
  IngestInput,
  IngestOptions,
  OpenOptions,
  Pipeline,
  QueryOptions,
  QueryResult,
} from './library/types.ts';
export type { MetricResult, MetricRow } from './ports/metrics-store.ts';
