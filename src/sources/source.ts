import type { z } from 'zod';
import type { Decoded, DetectOptions, RecordIds } from '../ingest/format.ts';
import type { IngestResult, LineError } from '../ingest/ingest-result.ts';
import type { Mapper } from '../ingest/mapper.ts';
import type { NormalizeSettingsInput } from '../ingest/normalize-settings.ts';

export type { IngestResult, LineError };

/**
 * The way from a source into the log. `ingest` checks each line by the event schema, stores all of them (bad ones
 * marked with their reason) and resolves when they are durable. It rejects with AppendError when nothing was stored:
 * the source then waits `retryAfterSeconds` and offers the same bytes again.
 */
export type Ingest = (input: IngestRequest) => Promise<IngestResult>;

export interface IngestRequest {
  /** Name of the source in the ledger: [a-z0-9_-]{1,32}. */
  source: string;
  /**
   * What a format gave, or NDJSON: one JSON object per line. The last line may lack its line end; empty lines are skipped.
   * Ingest takes the bytes over and may change them, without a change in meaning.
   */
  body: Buffer | readonly Decoded[];
  /** How the values of the source are read; what is left out is read as the shop's. Taken from the config. */
  settings?: NormalizeSettingsInput;
  /** Makes events of the records; without it they are events. */
  mapper?: Mapper;
  /** For events that have neither an id nor an order: the same record offered again then counts once. */
  ids?: RecordIds;
}

export interface SourceStatus {
  kind: string;
  /** ready: the last attempt worked; waiting: it backs off after an error; failed: it needs a person. */
  state: 'ready' | 'waiting' | 'failed';
  /** For people: what is wrong and what to do; empty when ready. */
  message: string;
  lastEventAtMs: number | null;
  /** Counters of this source by name, e.g. {"gaps": 1}; given out as Prometheus counters. */
  counters: Record<string, number>;
}

/**
 * A source brings lines to the log. `start` returns at once and works in the background until `stop`. It supervises
 * itself: every error leads to a wait with back-off and jitter, never to an exit or an unhandled rejection.
 * A source moves its own durable cursor only after `ingest` resolved: it delivers at least once, and a record that comes again
 * counts once by its id. `stop` resolves when nothing of it is running and its cursor is on disk. `check` tries it once, the way normal
 * work does, stores nothing, and rejects with an error whose message a person can act on.
 */
export interface Source {
  readonly name: string;
  start(): void;
  stop(): Promise<void>;
  status(): SourceStatus;
  check(): Promise<string>;
}

/** What app hands to every source. */
export interface SourceContext {
  ingest: Ingest;
  /** Which formats there are, and what the mapping of the source knows of how its input looks. */
  detecting?: DetectOptions;
  /** A folder of the source's own for its cursor; exists. */
  stateDir: string;
  log: SourceLogger;
  now: () => number;
  random: () => number;
}

export interface SourceLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A kind of source that the config can name. */
export interface SourceKind<S extends z.ZodObject = z.ZodObject> {
  /** Its options; `name` is that of the source in the ledger. */
  readonly schema: S;
  /** What it reads, without secrets: an address may have them in its parameters. */
  reads(options: z.infer<S>): string;
  create(options: z.infer<S>, context: SourceContext): Promise<Source>;
  /** Addresses of what it reads, as the log has them. */
  addresses?(options: z.infer<S>): readonly string[];
}
