import type { ChangeFeed, ChangesCursor } from '../metrics/metrics-store.ts';
import { WINDOWS } from '../metrics/window.ts';
import type { MetricsSink, SinkError } from '../sinks/sink.ts';
import { Backoff } from '../system/backoff.ts';
import { sleep } from '../system/sleep.ts';
import type { StateFile } from '../system/state-file.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { ComponentStatus } from '../telemetry/status.ts';

interface SinkFollowerOptions {
  /** For the log. */
  name: string;
  store: ChangeFeed;
  sink: MetricsSink;
  file: StateFile;
  metrics: readonly string[];
  logger: Logger;
  /** About how many points are in memory at once. */
  pagePointsMax?: number;
  lookEveryMs?: number;
}

/** What the sink has for sure, in the file. */
interface SinkProgress {
  /** The sink's id, and the store's: versions say nothing about others. */
  sink: string;
  store: string;
  /** All changes up to this version are in the sink. */
  version: number;
  /** Of the changes after it, those up to here. */
  cursor: ChangesCursor | null;
}

const PAGE_POINTS_MAX = 10_000;
const LOOK_EVERY_MS = 1000;
/** The same, while it is to stop. */
const DRAIN_LOOK_MS = 20;
const BACKOFF_MS_MIN = 500;
const BACKOFF_MS_MAX = 30_000;

/**
 * Keeps a sink up with the metrics store: asks for what changed after the version that the sink has, writes it, notes
 * it. Nothing has to be kept for a sink that is away: what it missed is what changed since. A sink that is new, or whose
 * progress was lost, gets everything.
 */
export class SinkFollower {
  readonly #options: SinkFollowerOptions;
  readonly #abort = new AbortController();
  #progress: SinkProgress;
  #failure = '';
  #upToDateMs = Date.now();
  #draining = false;
  #running: Promise<void> | undefined;

  constructor(options: SinkFollowerOptions) {
    this.#options = options;
    this.#progress = this.#fresh();
  }

  async start(): Promise<void> {
    this.#progress = asProgress(await this.#options.file.read()) ?? this.#fresh();
    this.#running = this.#run();
  }

  /** Stops when the sink has all that the store has now, or when it fails, but no later than `drainMsMax`. */
  async stop(drainMsMax: number): Promise<void> {
    this.#draining = true;
    const deadline = Date.now() + drainMsMax;
    while (!this.#isUpToDate() && !this.#failure && Date.now() < deadline) await sleep(DRAIN_LOOK_MS);
    this.#abort.abort();
    await this.#running;
  }

  status(): ComponentStatus {
    return { state: this.#failure ? 'waiting' : 'ready', message: this.#failure };
  }

  /** For how long the store has had changes that the sink lacks; 0 when there are none. */
  behindSeconds(): number {
    return this.#isUpToDate() ? 0 : (Date.now() - this.#upToDateMs) / 1000;
  }

  #isUpToDate(): boolean {
    const { sink, store, version, cursor } = this.#progress;
    const isOf = sink === this.#options.sink.id && store === this.#options.store.id;
    return isOf && cursor === null && version === this.#options.store.version();
  }

  #fresh(): SinkProgress {
    return { sink: this.#options.sink.id, store: this.#options.store.id, version: 0, cursor: null };
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    const { name, logger, lookEveryMs = LOOK_EVERY_MS } = this.#options;
    const backoff = new Backoff(BACKOFF_MS_MIN, BACKOFF_MS_MAX);
    while (!signal.aborted) {
      try {
        const hasMore = await this.#step();
        if (this.#failure) logger.info({ store: name }, `${name}: works again`);
        this.#failure = '';
        backoff.reset();
        if (!hasMore) {
          this.#upToDateMs = Date.now();
          await sleep(this.#draining ? DRAIN_LOOK_MS : lookEveryMs, signal);
        }
      } catch (error) {
        if (signal.aborted) return;
        const { message, retryAfterMs } = error as SinkError;
        this.#failure = message;
        const waitMs = retryAfterMs ?? backoff.next();
        logger.warn({ store: name, waitMs: Math.round(waitMs), why: message }, `${name}: will try again`);
        await sleep(waitMs, signal);
      }
    }
  }

  /** Writes one page; true where there is another. */
  async #step(): Promise<boolean> {
    const { store, sink, file, metrics, pagePointsMax: pointsMax = PAGE_POINTS_MAX } = this.#options;
    let at = this.#progress;
    const isOther = at.sink !== sink.id || at.store !== store.id;
    // An older copy of the state, put back, may have changed since in another way than the sink was told.
    if (isOther || (at.cursor?.version ?? at.version) > store.version()) at = this.#fresh();
    if (at.cursor === null && at.version === store.version()) return false;
    const { cursor: after } = at;
    const { version, points, next } = await store.changes(at.version, metrics, WINDOWS, { pointsMax, after });
    if (points.length > 0) await sink.writeMetrics(points, this.#abort.signal);
    const reached = next === null ? { ...at, version, cursor: null } : { ...at, cursor: next };
    await file.write(reached);
    this.#progress = reached;
    return next !== null;
  }
}

/** Null where it is not what a follower writes. */
function asProgress(saved: unknown): SinkProgress | null {
  const { sink, store, version, cursor } = (saved ?? {}) as Partial<SinkProgress>;
  if (typeof sink !== 'string' || typeof store !== 'string' || !Number.isSafeInteger(version)) return null;
  const isCursor =
    cursor === null || (typeof cursor?.metric === 'string' && Number.isSafeInteger(cursor.startMinutes));
  return isCursor ? { sink, store, version: version!, cursor: cursor! } : null;
}
