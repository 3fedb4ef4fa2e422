import type { ArchivedEvent, BadRow, CompactResult, VacuumResult } from '../archive/archive.ts';
import type { Activity } from '../ingest/activity.ts';
import type { Decoded, Format } from '../ingest/format.ts';
import type { Mapper } from '../ingest/mapper.ts';
import type { ArchiveAnswer, DoubtsAsked } from '../metrics/doubt-reader.ts';
import type { RebuildRange, RebuildResult } from '../metrics/engine.ts';
import type { Changes, ChangesPage, MetricQuery, MetricResult } from '../metrics/metrics-store.ts';
import type { WindowSize } from '../metrics/window.ts';
import type { IngestResult } from '../sources/source.ts';
import type { Ledger } from '../telemetry/ledger.ts';
import type { ComponentStatus, Status } from '../telemetry/status.ts';

/** Lines as ingest stores them, for `tap`. */
export type TapListener = (source: string, bytes: readonly Buffer[]) => void;

/** The ledger, and the stores that lack what the metrics or the log have, with the reason (empty: they are at it). */
export type IdleLedger = Ledger & { stores_behind: Record<string, string> };

export interface IngestBodyOptions {
  /** Stores nothing unless every line is an event. */
  strict: boolean;
  /** The body has passed a validator of ours: it may have lines that are marked as rejected, and nothing else. */
  takesMarked: boolean;
  /** Stores rejected records as bad rows even where nothing of the body is an event: the sender can't correct it. */
  keepsRejected?: boolean;
  /** Makes events of the records; without it they are events. */
  mapper?: Mapper | undefined;
  /** What came with the records, but is not of them. */
  beside?: Readonly<Record<string, unknown>> | undefined;
  /** The name of the way by which they came (src/api/sources/ways.ts), where a source has several. */
  way?: string;
}

/** A source that the config names, and that this process reads by itself. */
export interface DeclaredSource {
  readonly name: string;
  readonly kind: string;
  /** What it reads: a path, a topic, an address without its secrets. */
  readonly of: string;
  readonly map: string | null;
  /** Null where another process reads it. */
  readonly state: ComponentStatus['state'] | null;
  /** What is wrong; empty where nothing is. */
  readonly message: string;
}

/** A preset, as far as people are told about it. */
export interface PresetText {
  readonly name: string;
  readonly description: string;
  /** Markdown: how to connect the system. */
  readonly connect: string;
}

/** Rows of a metric; `in_flight`: lines that had been received, and were not counted yet. */
export type QueryAnswer = MetricResult & { in_flight: number };

/** What addresses that receive events need. */
export interface IngestBackend {
  /** Formats that are tried on a body, in this order. */
  readonly formats: readonly Format[];
  /** Stores what a body holds, unless nothing of it is an event. Throws ApiError or AppendError. */
  ingest(source: string, records: readonly Decoded[], options: IngestBodyOptions): Promise<IngestResult>;
  /** The mapper of that name. Throws ApiError for an unknown name. */
  mapper(name: string): Promise<Mapper>;
  /** Ms since 1970. */
  now(): number;
}

/** Metrics, and how they change. */
export interface MetricsBackend {
  readonly timeZone: string;
  query(query: MetricQuery): Promise<QueryAnswer>;
  /** What changed after `version`: a page of it. */
  changes(
    version: number,
    metrics: readonly string[],
    windows: readonly WindowSize[],
    page: ChangesPage,
  ): Promise<Changes>;
  storeVersion(): number;
}

/** How everything is. */
export interface StateBackend {
  ledger(): Ledger;
  status(): Status;
  /** Prometheus exposition. */
  metrics(): Promise<{ contentType: string; text: string }>;
  /** Ms since 1970. */
  now(): number;
}

/** The archive, read and kept in order. */
export interface ArchiveBackend {
  badRows(filter: { limit: number; reason?: string; id?: string }): Promise<BadRow[]>;
  /** What is doubtful in the data of a source, compared with earlier data in the archive. */
  doubts(asked: DoubtsAsked): Promise<ArchiveAnswer>;
  compact(): Promise<CompactResult>;
  vacuum(retentionHours: number): Promise<VacuumResult>;
  rebuild(range: RebuildRange | null, diff: boolean, signal?: AbortSignal): Promise<RebuildResult>;
  /** Archives and measures what was received without gathering more, for at most so long; gives the ledger then. */
  waitUntilIdle(msMax: number): Promise<IdleLedger>;
}

/** What each source delivers. */
export interface SourcesBackend {
  /** What came from a source since the start; undefined if nothing did. */
  activity(source: string): Activity | undefined;
  /** The newest archived events of the sources, as far as the newest files of the archive have them; a little old. */
  newestEvents(): Promise<ArchivedEvent[]>;
  /** The sources of the config, except http. */
  declaredSources(): readonly DeclaredSource[];
  presets(): Promise<readonly PresetText[]>;
}

/** Lines as they are received. */
export interface TapBackend {
  /** Registers a listener; gives the function that removes it. */
  tap(listener: TapListener): () => void;
}

/** What the server needs of the rest; app.ts wires it. */
export interface Backend
  extends IngestBackend,
    MetricsBackend,
    StateBackend,
    ArchiveBackend,
    SourcesBackend,
    TapBackend {}
