const EMPTY: Buffer = Buffer.alloc(0);

/** Chunks of which the beginning can be looked at, and parts given back. */
export class ByteSource {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer[] = [];

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** The next bytes, empty only at the end. */
  async next(): Promise<Buffer> {
    for (let kept = this.#rest.shift(); kept; kept = this.#rest.shift()) if (kept.length > 0) return kept;
    for (;;) {
      const { value, done } = await this.#chunks.next();
      if (done) return EMPTY;
      if (value.length > 0) return value;
    }
  }

  /** These bytes come next. */
  giveBack(bytes: Buffer): void {
    if (bytes.length > 0) this.#rest.unshift(bytes);
  }

  /** The next `count` bytes, fewer only at the end; they come again. */
  async peek(count: number): Promise<Buffer> {
    const bytes = await this.take(count);
    this.giveBack(bytes);
    return bytes;
  }

  /** The next `count` bytes, fewer only at the end. */
  async take(count: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let length = 0;
    while (length < count) {
      const chunk = await this.next();
      if (chunk.length === 0) break;
      parts.push(chunk);
      length += chunk.length;
    }
    const all = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    if (length > count) this.giveBack(all.subarray(count));
    return all.subarray(0, count);
  }

  /** Ends what the chunks come from. */
  async close(): Promise<void> {
    this.#rest = [];
    await this.#chunks.return?.();
  }
}
