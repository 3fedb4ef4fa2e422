const NEWLINE = 0x0a;
const LINE_END = Buffer.from('\n');
const CHUNK_BYTES = 64 * 1024;
/** From this size on a piece is kept as it is; a smaller one costs more as a buffer of its own than its copy does. */
const KEPT_BYTES = 4096;

/** Collects pieces of text in order, in few buffers however many pieces there are. */
export class LineCollector {
  readonly #buffers: Buffer[] = [];
  #chunk: Buffer = Buffer.alloc(0);
  #used = 0;

  add(piece: Buffer): void {
    this.addPart(piece, 0, piece.length);
  }

  /** Adds `bytes[start, end)`. */
  addPart(bytes: Buffer, start: number, end: number): void {
    if (end - start >= KEPT_BYTES) {
      this.#flush();
      this.#buffers.push(bytes.subarray(start, end));
      return;
    }
    this.#makeRoom(end - start);
    this.#used += bytes.copy(this.#chunk, this.#used, start, end);
  }

  /** Adds a copy of a line, `bytes[0, end)`, and its line end. */
  addLine(bytes: Buffer, end = bytes.length): void {
    if (end + 1 >= KEPT_BYTES) {
      this.add(Buffer.concat([bytes.subarray(0, end), LINE_END]));
      return;
    }
    this.#makeRoom(end + 1);
    this.#used += bytes.copy(this.#chunk, this.#used, 0, end);
    this.#chunk[this.#used++] = NEWLINE;
  }

  /** What was added, in order. */
  take(): Buffer[] {
    this.#flush();
    return this.#buffers;
  }

  /** Makes room for less than KEPT_BYTES. */
  #makeRoom(bytes: number): void {
    if (this.#chunk.length - this.#used >= bytes) return;
    this.#flush();
    // Not from the shared pool: most of a small body's memory would be held by one line.
    this.#chunk = Buffer.allocUnsafeSlow(this.#buffers.length === 0 ? KEPT_BYTES : CHUNK_BYTES);
  }

  #flush(): void {
    if (this.#used === 0) return;
    this.#buffers.push(this.#chunk.subarray(0, this.#used));
    this.#chunk = this.#chunk.subarray(this.#used);
    this.#used = 0;
  }
}
