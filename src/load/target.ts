import type { ValidationResult } from '../ingest/validation-result.ts';
import { AppendError } from '../log/event-log.ts';
import type { ArchiveAnswer, DoubtsAsked } from '../metrics/doubt-reader.ts';
import { ComponentError } from '../telemetry/errors.ts';
import type { Ledger } from '../telemetry/ledger.ts';
import type { ComponentStatus } from '../telemetry/status.ts';
import { LoadError } from './load-error.ts';

const BUSY_MS = 200;

/** Lines were refused, and none of them is stored. */
export class NotStoredError extends LoadError {}

/** The running process takes nothing at the moment; the same request will work soon. */
export class BusyError extends ComponentError {}

/** What was stored of lines that were validated. */
export interface StoredLines {
  accepted: number;
  rejected: number;
  reasons: Record<string, number>;
}

/** Where load sends blocks, and what it asks afterwards. */
export interface LoadTarget {
  /** Name of the lines in the ledger. */
  readonly source: string;
  /** Stores lines that were validated; resolves when they are durable, and tries again while the log is busy. */
  store(result: ValidationResult): Promise<StoredLines>;
  ledger(): Promise<Ledger>;
  parts(): Promise<Record<string, ComponentStatus>>;
  /**
   * Resolves when all is archived and measured, no window is invalidated, and the stores of the config have it too or can't
   * take it: gives those that are behind, with the reason. Rejects when a part needs a person.
   */
  waitUntilIdle(onProgress: () => void): Promise<Record<string, string>>;
  /** What is doubtful in what the source has brought, beside what the archive had before. */
  doubts(asked: DoubtsAsked): Promise<ArchiveAnswer>;
}

/** A data folder that this process has open, as far as a load needs it. */
export interface OpenData {
  readonly ingestor: { store(source: string, result: ValidationResult): Promise<StoredLines> };
  readonly backend: {
    ledger(): Ledger;
    status(): { parts: Record<string, ComponentStatus> };
    doubts(asked: DoubtsAsked): Promise<ArchiveAnswer>;
  };
  waitUntilIdle(onProgress?: () => void, signal?: AbortSignal): Promise<void>;
  storesCaughtUp(signal?: AbortSignal): Promise<Record<string, string>>;
}

/** A data folder that this process has open, with its stores started. `signal` ends the waiting of `waitUntilIdle`. */
export function localTarget(data: OpenData, source: string, signal?: AbortSignal): LoadTarget {
  return {
    source,
    store: (result) => whileBusy(() => data.ingestor.store(source, result)),
    ledger: async () => data.backend.ledger(),
    doubts: (asked) => data.backend.doubts(asked),
    parts: async () => data.backend.status().parts,
    async waitUntilIdle(onProgress) {
      await data.waitUntilIdle(onProgress, signal);
      return data.storesCaughtUp(signal);
    },
  };
}

/** Tries again while the log refuses for now. */
export async function whileBusy<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const isBusy =
        error instanceof BusyError || (error instanceof AppendError && error.code === 'log_busy');
      if (!isBusy) {
        if (error instanceof AppendError) {
          const message = `The event log does not accept lines. ${error.message}`;
          throw /may or may not/.test(error.message) ? new LoadError(message) : new NotStoredError(message);
        }
        throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, BUSY_MS));
    }
  }
}
