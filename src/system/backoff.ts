/** How long to wait before the next try: twice as long each time, with jitter, so that many don't come back at once. */
export class Backoff {
  readonly #minMs: number;
  readonly #maxMs: number;
  #ms: number;

  constructor(minMs: number, maxMs: number) {
    this.#minMs = minMs;
    this.#maxMs = maxMs;
    this.#ms = minMs;
  }

  next(): number {
    const ms = this.#ms;
    this.#ms = Math.min(ms * 2, this.#maxMs);
    return ms * (0.5 + Math.random() / 2);
  }

  /** It worked: the next wait is a short one again. */
  reset(): void {
    this.#ms = this.#minMs;
  }
}
