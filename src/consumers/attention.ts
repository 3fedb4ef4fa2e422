import { sleep } from '../system/sleep.ts';
import type { ConsumerLoop } from './consumer-loop.ts';

/** A page asks all the time, scripts now and then. */
const LASTS_MS = 30_000;
/** Who looks after a while gets an answer after so long at the most. */
const WAIT_MS_MAX = 1000;
const LOOK_MS = 25;
/** While nobody looks, rows are gathered for so many times longer: a step costs the more the fewer rows it takes. */
const QUIET_FACTOR = 6;

export interface AttentionOptions {
  /** Another store follows the metrics, or another process the archive. */
  isAlways: boolean;
  /** How long lines are gathered for the archive, and for the metrics, while somebody looks. */
  archiveEveryMs: number;
  metricsEveryMs: number;
}

/** Whether somebody looks at the archive and the metrics, or follows them. While nobody does, the readers gather lines for longer, which costs far less. */
export class Attention {
  readonly #options: AttentionOptions;
  #untilMs = 0;

  constructor(options: AttentionOptions) {
    this.#options = options;
  }

  /** How long the archive gathers lines. */
  archiveDelayMs(): number {
    return this.#options.archiveEveryMs * (this.#isAttended() ? 1 : QUIET_FACTOR);
  }

  /** How long the metrics gather lines: while nobody looks as long as the archive, so that both take the same batches. */
  metricsDelayMs(): number {
    const { metricsEveryMs } = this.#options;
    return this.#isAttended() ? metricsEveryMs : Math.max(metricsEveryMs, this.archiveDelayMs());
  }

  /** Somebody looks. Where nobody did before: resolves when the readers are not behind any more, or soon. */
  async attend(loops: readonly ConsumerLoop[], isBehind: () => boolean, signal: AbortSignal): Promise<void> {
    const wasAttended = this.#isAttended();
    this.#untilMs = performance.now() + LASTS_MS;
    if (wasAttended) return;
    const stops = loops.map((loop) => loop.flushNow());
    const giveUpMs = performance.now() + WAIT_MS_MAX;
    try {
      while (isBehind() && !signal.aborted && performance.now() < giveUpMs) await sleep(LOOK_MS, signal);
    } finally {
      for (const stop of stops) stop();
    }
  }

  #isAttended(): boolean {
    return this.#options.isAlways || performance.now() < this.#untilMs;
  }
}
