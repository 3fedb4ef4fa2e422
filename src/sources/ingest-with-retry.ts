import { cutDecoded } from '../ingest/cut-decoded.ts';
import type { RecordIds } from '../ingest/format.ts';
import { sleep } from '../system/sleep.ts';
import { messageOf } from '../telemetry/system-error.ts';
import type { IngestRequest, IngestResult, SourceContext } from './source.ts';

export interface RetryTuning {
  /** Waits after a fault start here and double; default 1 s. */
  backoffBaseMs?: number;
  /** No wait is longer; default 60 s. */
  backoffCapMs?: number;
}

/** Full jitter: anything from nothing to the doubled base, so that many clients don't come back at once. */
export function backoffMs(attempt: number, random: () => number, tuning: RetryTuning): number {
  const { backoffBaseMs = 1000, backoffCapMs = 60_000 } = tuning;
  return random() * Math.min(backoffCapMs, backoffBaseMs * 2 ** Math.min(attempt, 30));
}

/** Largest body of one call to ingest, but for a single record that is longer. */
export const BLOCK_BYTES_MAX = 4 * 1024 * 1024;

/** What is given, and on whose behalf. */
export interface RetriedIngest {
  readonly body: IngestRequest['body'];
  /** Ids of all records of the body, as ingest takes them. */
  readonly ids?: RecordIds;
  readonly source: string;
  readonly context: SourceContext;
  readonly signal: AbortSignal;
  /** Called with each refusal, so that the source can show why nothing moves. */
  readonly onWait: (message: string) => void;
  readonly tuning: RetryTuning;
}

/** Gives the same records to ingest until it takes them, very many in pieces. Null: stopped before that. */
export async function ingestWithRetry(given: RetriedIngest): Promise<IngestCounts | null> {
  const { body, ids } = given;
  const total = { accepted: 0, rejected: 0 };
  const pieces = Buffer.isBuffer(body)
    ? [{ kind: 'json', bytes: body, places: { first: 1 } } as const]
    : body;
  for (const piece of cutDecoded(pieces)) {
    const ownIds = ids === undefined ? {} : { ids: idsFrom(ids, total.accepted + total.rejected) };
    const result = await ingestPiece(given, { body: piece, ...ownIds });
    if (result === null) return null;
    total.accepted += result.accepted;
    total.rejected += result.rejected;
  }
  return total;
}

type IngestCounts = Pick<IngestResult, 'accepted' | 'rejected'>;

/** Each record was accepted or rejected, so their number tells where the next piece begins. */
function idsFrom(ids: RecordIds, records: number): RecordIds {
  return 'prefix' in ids ? { prefix: ids.prefix, next: ids.next + records } : ids.slice(records);
}

async function ingestPiece(
  { source, context, signal, onWait, tuning }: RetriedIngest,
  piece: Pick<IngestRequest, 'body' | 'ids'>,
): Promise<IngestCounts | null> {
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      return await context.ingest({ source, ...piece });
    } catch (error) {
      // AppendError says when to come back; any other fault of the log is waited out too.
      const { retryAfterSeconds } = error as { retryAfterSeconds?: number };
      const waitMs =
        typeof retryAfterSeconds === 'number'
          ? retryAfterSeconds * 1000
          : backoffMs(attempt, context.random, tuning);
      onWait(`the event log did not accept the lines: ${messageOf(error)}`);
      await sleep(waitMs, signal);
    }
  }
  return null;
}
