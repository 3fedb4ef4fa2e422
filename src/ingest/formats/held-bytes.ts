const EMPTY = Buffer.alloc(0);

/** Bytes of a record that is not complete yet, from one chunk to the next; what is added is copied once. */
export class HeldBytes {
  #memory: Buffer = EMPTY;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The held bytes followed by the chunk: the chunk itself where nothing is held. Valid until the next call. */
  with(chunk: Buffer): Buffer {
    if (this.#length === 0) return chunk;
    const length = this.#length + chunk.length;
    if (length > this.#memory.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(length, this.#memory.length * 2, 4096));
      this.#memory.copy(larger, 0, 0, this.#length);
      this.#memory = larger;
    }
    chunk.copy(this.#memory, this.#length);
    this.#length = length;
    return this.#memory.subarray(0, length);
  }

  /** Holds only these bytes from now on; they may be the end of what `with` gave. */
  keep(bytes: Buffer): void {
    const isOwn = bytes.length > 0 && bytes.buffer === this.#memory.buffer;
    if (isOwn && bytes.byteOffset >= this.#memory.byteOffset) {
      const start = bytes.byteOffset - this.#memory.byteOffset;
      if (start > 0) this.#memory.copyWithin(0, start, start + bytes.length);
    } else {
      if (bytes.length > this.#memory.length || this.#memory.length > 64 * 1024)
        this.#memory = bytes.length === 0 ? EMPTY : Buffer.allocUnsafeSlow(bytes.length);
      bytes.copy(this.#memory);
    }
    this.#length = bytes.length;
  }
}
