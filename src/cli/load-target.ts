import type { App } from '../app.ts';
import type { Ledger } from '../domain/ledger.ts';
import { sliceLines } from '../domain/lines.ts';
import { addCounts } from '../domain/offset.ts';
import type { PartStatus, Status } from '../domain/status.ts';
import type { ValidationResult } from '../ingest/line-validator.ts';
import { LogRefused } from '../ports/event-log.ts';
import { ask, Busy, CommandFailed } from './context.ts';
import type { RunFile } from './owner.ts';

/** Name of loaded lines in the ledger. */
export const SOURCE = 'load';
const BUSY_MS = 200;
const BODY_BYTES = 4 * 1024 * 1024;

/** Lines were refused, and none of them is stored. */
export class NotStored extends CommandFailed {}

/** What was stored of lines that were validated. */
export interface StoredLines {
  accepted: number;
  rejected: number;
  reasons: Record<string, number>;
}

/** Where load sends blocks, and what it asks afterwards. */
export interface LoadTarget {
  /** Stores lines that were validated; resolves when they are durable, and tries again while the log is busy. */
  store(result: ValidationResult): Promise<StoredLines>;
  ledger(): Promise<Ledger>;
  parts(): Promise<Record<string, PartStatus>>;
  /**
   * Resolves when all is archived and measured, no window is invalidated, and the stores of the config have it too or can't
   * take it: gives those that are behind, with the reason. Rejects when a part needs a person.
   */
  settle(onProgress: () => void): Promise<Record<string, string>>;
}

/** The running process. */
export function remoteTarget(run: RunFile): LoadTarget {
  const ledger = () => ask<Ledger>(run, 'GET', '/v1/ledger');
  const headers = {
    'content-type': 'application/x-ndjson',
    'x-tillstream-source': SOURCE,
    'x-tillstream-validated': 'yes',
  };
  const send = (body: Buffer) => whileBusy(() => ask<StoredLines>(run, 'POST', '/v1/events', body, headers));
  return {
    async store({ bytes }) {
      const stored: StoredLines = { accepted: 0, rejected: 0, reasons: {} };
      for (const body of bodiesOf(bytes)) {
        const { accepted, rejected, reasons } = await send(body);
        stored.accepted += accepted;
        stored.rejected += rejected;
        addCounts(stored.reasons, reasons);
      }
      return stored;
    },
    ledger,
    parts: async () => (await ask<Status>(run, 'GET', '/v1/status')).parts,
    async settle(onProgress) {
      const { received } = await ledger();
      for (;;) {
        const now = await ask<Ledger & { stores_behind: Record<string, string> }>(
          run,
          'POST',
          '/v1/admin/settle',
        );
        const waiting = Math.max(now.archive.in_flight, now.metrics.in_flight);
        const isCounted = now.received - waiting >= received && now.dirty_windows === 0;
        // Without a reason it is at it.
        const isCarried = Object.values(now.stores_behind).every((reason) => reason !== '');
        if (isCounted && isCarried) return now.stores_behind;
        onProgress();
      }
    },
  };
}

/** A data folder that this process has opened, with its stores started. */
export function localTarget(app: App): LoadTarget {
  return {
    store: (result) => whileBusy(() => app.ingestor.store(SOURCE, result)),
    ledger: async () => app.backend.ledger(),
    parts: async () => app.backend.status().parts,
    async settle(onProgress) {
      await app.settle(onProgress);
      return app.storesCaughtUp();
    },
  };
}

/** Lines as bodies that a server takes: not too many lines in one, nor too many bytes. */
function* bodiesOf(buffers: readonly Buffer[]): Generator<Buffer> {
  for (const lines of sliceLines(Buffer.concat(buffers))) {
    for (let start = 0; start < lines.length; ) {
      const most = start + BODY_BYTES;
      const end = most >= lines.length ? lines.length : lines.lastIndexOf(0x0a, most) + 1;
      // A line that is longer goes alone.
      const cut = end > start ? end : lines.indexOf(0x0a, most) + 1 || lines.length;
      yield lines.subarray(start, cut);
      start = cut;
    }
  }
}

/** Tries again while the log refuses for now. */
async function whileBusy<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const isBusy = error instanceof Busy || (error instanceof LogRefused && error.code === 'log_busy');
      if (!isBusy) {
        if (error instanceof LogRefused) {
          const message = `The event log refuses lines: ${error.message}`;
          throw /may or may not/.test(error.message) ? new CommandFailed(message) : new NotStored(message);
        }
        throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, BUSY_MS));
    }
  }
}
