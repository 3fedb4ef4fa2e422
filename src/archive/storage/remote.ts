import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Backoff } from '../../system/backoff.ts';
import { reasonOf } from '../../telemetry/system-error.ts';

/** What every storage over a network needs: bounded retries, bounded transfers, local copies. */
export interface RemoteLimits {
  /** Longest time for one small request, ms. A transfer of a file may take longer by its size. */
  requestMsMax: number;
  /** How long a step is tried again before it fails, ms. The caller tries the whole batch again later. */
  totalMsMax: number;
}

export const REMOTE_LIMITS: RemoteLimits = { requestMsMax: 15_000, totalMsMax: 20_000 };

/** Transfers of one archive that run at once, both ways. */
export const TRANSFERS_MAX = 6;
/** Folder of a table for what is not in its place yet; readers leave out what begins with an underscore. */
export const UPLOADS = '_uploads';
/** The slowest transfer that is waited for. */
const TRANSFER_BYTES_PER_MS_MIN = 64;
const BACKOFF_MS_MIN = 100;
const BACKOFF_MS_MAX = 5000;

/** A failure of a server or of the way to it. `isTransient`: the same step may work when it is tried again. */
export class RemoteError extends Error {
  override name = 'RemoteError';
  readonly isTransient: boolean;
  constructor(message: string, isTransient: boolean, options?: ErrorOptions) {
    super(message, options);
    this.isTransient = isTransient;
  }
}

export function transferMsMax(bytes: number, { requestMsMax }: RemoteLimits): number {
  return requestMsMax + Math.ceil(bytes / TRANSFER_BYTES_PER_MS_MIN);
}

/**
 * Does `step` again after transient failures, with back-off and jitter, until it works or the time is over. Only for
 * what may happen twice.
 */
export async function retried<T>({ totalMsMax }: RemoteLimits, step: () => Promise<T>): Promise<T> {
  const untilMs = performance.now() + totalMsMax;
  const backoff = new Backoff(BACKOFF_MS_MIN, BACKOFF_MS_MAX);
  for (;;) {
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof RemoteError && error.isTransient)) throw error;
      const waitMs = backoff.next();
      if (performance.now() + waitMs >= untilMs) throw error;
      await sleep(waitMs);
    }
  }
}

/** The chunks of an answer; when it breaks off, that is the fault of the other side and not of who takes the chunks. */
export async function* chunksOf(answer: AsyncIterable<Buffer>, whose: string): AsyncGenerator<Buffer> {
  try {
    yield* answer;
  } catch (error) {
    throw new RemoteError(`${whose} broke off its answer: ${reasonOf(error)}.`, true, {
      cause: error,
    });
  }
}

/** Local copies of files while `use` runs, under names that end as the paths do. */
export async function withCopies<T>(
  stagingDir: string,
  paths: string[],
  download: (path: string, target: string) => Promise<void>,
  use: (localPaths: string[]) => Promise<T>,
): Promise<T> {
  if (paths.length === 0) return use([]);
  const dir = join(stagingDir, `copies-${randomUUID()}`);
  let hasFailed = false;
  try {
    const copies = await Promise.allSettled(
      paths.map(async (path) => {
        const target = join(dir, path);
        await mkdir(dirname(target), { recursive: true });
        try {
          // After one failure the others are of no use.
          if (!hasFailed) await download(path, target);
        } catch (error) {
          hasFailed = true;
          throw error;
        }
        return target;
      }),
    );
    const failure = copies.find((copy) => copy.status === 'rejected');
    if (failure) throw failure.reason;
    return await use(copies.map((copy) => (copy as PromiseFulfilledResult<string>).value));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
