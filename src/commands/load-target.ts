import { sliceLines } from '../event/lines.ts';
import { type LoadTarget, type StoredLines, whileBusy } from '../load/target.ts';
import { addCounts } from '../log/offset.ts';
import type { ArchiveAnswer } from '../metrics/doubt-reader.ts';
import type { Ledger } from '../telemetry/ledger.ts';
import type { Status } from '../telemetry/status.ts';
import { ask } from './context.ts';
import type { RunFile } from './owner.ts';

/** Name of loaded lines in the ledger. */
export const SOURCE = 'load';
const BODY_BYTES = 4 * 1024 * 1024;

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
    source: SOURCE,
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
    async doubts(asked) {
      const body = Buffer.from(JSON.stringify(asked));
      const headers = { 'content-type': 'application/json' };
      return ask<ArchiveAnswer>(run, 'POST', '/v1/admin/doubts', body, headers);
    },
    parts: async () => (await ask<Status>(run, 'GET', '/v1/status')).parts,
    async waitUntilIdle(onProgress) {
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
