/** The library: what a program may import from "tillstream", and nothing else. docs/embed.md explains it. */
export type { Finding } from './ingest/finding.ts';
export type { IngestResult, LineError } from './ingest/ingest-result.ts';
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
export type { MetricResult, MetricRow } from './metrics/metrics-store.ts';
export type { WindowSize } from './metrics/window.ts';
export type { Ledger, LedgerEntry } from './telemetry/ledger.ts';
export type { Logger } from './telemetry/logger.ts';
export type { ComponentStatus } from './telemetry/status.ts';
