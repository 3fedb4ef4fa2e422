import type { Ledger } from '../domain/ledger.ts';
import type { Status } from '../domain/status.ts';
import type { WindowSize } from '../domain/window.ts';
import type { CompactResult, VacuumResult } from '../ports/archive.ts';
import type { BadRow } from '../ports/batch.ts';
import type { RebuildRange, RebuildResult } from '../ports/engine.ts';
import type { Changes, MetricQuery, MetricResult } from '../ports/metrics-store.ts';
import type { IngestResult } from '../ports/source.ts';

/** Lines as they pass the door, for `tap`. */
export type TapListener = (source: string, bytes: readonly Buffer[]) => void;

/** What the server needs of the rest; app.ts wires it. */
export interface Backend {
  /** Stores a body of NDJSON; with `strict` only when every line is good. Throws ApiError or LogRefused. */
  ingest(source: string, body: Buffer, strict: boolean): Promise<IngestResult>;
  query(query: MetricQuery): Promise<MetricResult>;
  /** All that changed after `version`, in one piece. */
  changes(version: number, metrics: readonly string[], windows: readonly WindowSize[]): Promise<Changes>;
  storeVersion(): number;
  ledger(): Ledger;
  status(): Status;
  badRows(filter: { limit: number; reason?: string; id?: string }): Promise<BadRow[]>;
  compact(): Promise<CompactResult>;
  vacuum(retentionHours: number): Promise<VacuumResult>;
  /** Archives and measures what has come without gathering more, for at most so long; gives the ledger then. */
  settle(msMax: number): Promise<Ledger>;
  rebuild(range: RebuildRange | null, diff: boolean): Promise<RebuildResult>;
  /** Registers a listener; gives the function that removes it. */
  tap(listener: TapListener): () => void;
  /** Prometheus exposition. */
  metrics(): Promise<{ contentType: string; text: string }>;
  timeZone: string;
}
