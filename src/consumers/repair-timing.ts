/** Windows that the next lines would invalidate again are computed for nothing: they wait until no more were invalidated for so long. */
const QUIET_MS = 3000;
/** The same of lines that are still to be taken, if they are more than this. */
const LAG_LINES_MAX = 10_000;
/** No longer than this. */
const WAIT_MS_MAX = 60_000;

/** What is known at one look. */
export interface RepairLook {
  nowMs: number;
  /** Windows that are invalidated. */
  windows: number;
  /** Lines that the metrics have yet to take. */
  lag: number;
  /** A caller waits until no window is invalidated. */
  isAwaited: boolean;
}

/** When invalidated windows are computed from the archive again. */
export class RepairTiming {
  #windows = 0;
  /** When their number changed, and since when there have been any. */
  #changedMs = 0;
  #sinceMs: number | null = null;

  /** Whether they are to be computed now; to be asked all the time. */
  isDue({ nowMs, windows, lag, isAwaited }: RepairLook): boolean {
    if (windows !== this.#windows) this.#changedMs = nowMs;
    this.#windows = windows;
    if (windows === 0) {
      this.#sinceMs = null;
      return false;
    }
    this.#sinceMs ??= nowMs;
    if (nowMs - this.#sinceMs >= WAIT_MS_MAX) return true;
    return lag <= LAG_LINES_MAX && (isAwaited || nowMs - this.#changedMs >= QUIET_MS);
  }

  /** They were computed: those that are left, or have come meanwhile, wait from now on. */
  done(nowMs: number): void {
    this.#sinceMs = nowMs;
  }
}
