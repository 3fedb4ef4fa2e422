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

/** What the server needs of the rest; app.ts wires it. */
export interface Backend {
  /** Stores what a body holds, unless nothing of it is an event. Throws ApiError or AppendError. */
  ingest(source: string, records: readonly Decoded[], options: IngestBodyOptions): Promise<IngestResult>;
  /** Formats that are tried on a body, in this order. */
  readonly formats: readonly Format[];
  /** The mapper of that name. Throws ApiError for a name that is none. */
  mapper(name: string): Promise<Mapper>;
  query(query: MetricQuery): Promise<QueryAnswer>;
  /** What changed after `version`: a page of it. */
  changes(
    version: number,
    metrics: readonly string[],
    windows: readonly WindowSize[],
    page: ChangesPage,
  ): Promise<Changes>;
  storeVersion(): number;
  ledger(): Ledger;
  status(): Status;
  badRows(filter: { limit: number; reason?: string; id?: string }): Promise<BadRow[]>;
  compact(): Promise<CompactResult>;
  vacuum(retentionHours: number): Promise<VacuumResult>;
  /** Archives and measures what has come without gathering more, for at most so long; gives the ledger then. */
  waitUntilIdle(msMax: number): Promise<IdleLedger>;
  /** What is doubtful in what a source has brought, beside what the archive had before. */
  doubts(asked: DoubtsAsked): Promise<ArchiveAnswer>;
  rebuild(range: RebuildRange | null, diff: boolean, signal?: AbortSignal): Promise<RebuildResult>;
  /** What came from a source since the start; undefined where nothing did. */
  activity(source: string): Activity | undefined;
  /** The newest archived events of the sources, as far as the newest files of the archive have them; a little old. */
  newestEvents(): Promise<ArchivedEvent[]>;
  /** The sources of the config but http. */
  declaredSources(): readonly DeclaredSource[];
  presets(): Promise<readonly PresetText[]>;
  /** Registers a listener; gives the function that removes it. */
  tap(listener: TapListener): () => void;
  /** Prometheus exposition. */
  metrics(): Promise<{ contentType: string; text: string }>;
  timeZone: string;
  /** Ms since 1970. */
  now(): number;
}
