/** How long the status shows a gap. */
const SHOWN_MS = 3_600_000;

/** Entries that were deleted before a source could read them. Nothing waits for them, so the status shows them only for a while. */
export class ShownGap {
  readonly #now: () => number;
  #message = '';
  #atMs = Number.NEGATIVE_INFINITY;

  constructor(now: () => number) {
    this.#now = now;
  }

  set(message: string): void {
    this.#message = message;
    this.#atMs = this.#now();
  }

  /** Empty if there was none for a while. */
  message(): string {
    return this.#now() - this.#atMs < SHOWN_MS ? this.#message : '';
  }
}
