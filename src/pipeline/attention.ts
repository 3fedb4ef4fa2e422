/** A page asks all the time, scripts now and then. */
const LASTS_MS = 30_000;

/**
 * Whether somebody looks at the metrics, or follows them. While nobody does, lines are gathered for longer before the metrics take
 * them, which costs far less.
 */
export class Attention {
  readonly #isAlways: boolean;
  #untilMs = 0;

  /** `isAlways`: another store follows the metrics. */
  constructor(isAlways: boolean) {
    this.#isAlways = isAlways;
  }

  isPaid(): boolean {
    return this.#isAlways || performance.now() < this.#untilMs;
  }

  /** Somebody looks. Gives whether nobody did before. */
  pay(): boolean {
    const isNew = !this.isPaid();
    this.#untilMs = performance.now() + LASTS_MS;
    return isNew;
  }
}
