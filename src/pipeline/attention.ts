import type { ReaderLoop } from './reader-loop.ts';
import { sleep } from './sleep.ts';

/** A page asks all the time, scripts now and then. */
const LASTS_MS = 30_000;
/** Who looks after a while gets an answer after so long at the most. */
const WAIT_MS_MAX = 1000;
const LOOK_MS = 25;

export interface AttentionOptions {
  /** Another store follows the metrics. */
  isAlways: boolean;
  /** How long lines are gathered while somebody looks, and while nobody does. */
  attendedMs: number;
  unattendedMs: number;
}

/**
 * Whether somebody looks at the metrics, or follows them. While nobody does, lines are gathered for longer before the metrics take
 * them, which costs far less.
 */
export class Attention {
  readonly #options: AttentionOptions;
  #untilMs = 0;

  constructor(options: AttentionOptions) {
    this.#options = options;
  }

  /** How long to gather lines. */
  lingerMs(): number {
    const { attendedMs, unattendedMs } = this.#options;
    return this.#isAttended() ? attendedMs : Math.max(attendedMs, unattendedMs);
  }

  /** Somebody looks. Where nobody did before: resolves when the metrics, which `loop` carries, are not behind, or soon. */
  async attend(loop: ReaderLoop, isBehind: () => boolean, signal: AbortSignal): Promise<void> {
    const wasAttended = this.#isAttended();
    this.#untilMs = performance.now() + LASTS_MS;
    if (wasAttended) return;
    const stopHurrying = loop.hurry();
    const giveUpMs = performance.now() + WAIT_MS_MAX;
    try {
      while (isBehind() && !signal.aborted && performance.now() < giveUpMs) await sleep(LOOK_MS, signal);
    } finally {
      stopHurrying();
    }
  }

  #isAttended(): boolean {
    return this.#options.isAlways || performance.now() < this.#untilMs;
  }
}
