const SLOTS = 1024;

/** A fixed list of short ASCII texts, found by their bytes: most are compared with one text at most. */
export class ByteNames {
  readonly #bytes: Uint8Array;
  readonly #starts: Int32Array;
  /** Number + 1 of the texts by a hash. */
  readonly #slots = new Uint16Array(SLOTS);
  /** Number + 1 of the next text with the same hash. */
  readonly #nextInSlot: Uint16Array;

  constructor(names: readonly string[]) {
    this.#bytes = new Uint8Array(Buffer.from(names.join(''), 'latin1'));
    this.#starts = new Int32Array(names.length + 1);
    this.#nextInSlot = new Uint16Array(names.length);
    for (const [number, name] of names.entries()) {
      this.#starts[number + 1] = this.#starts[number]! + name.length;
      const slot = slotOf(name.length, name.charCodeAt(0), name.charCodeAt(name.length - 1));
      this.#nextInSlot[number] = this.#slots[slot]!;
      this.#slots[slot] = number + 1;
    }
  }

  /** Number of the text that stands in `bytes[start, end)`; -1 when none does. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    if (length === 0) return -1;
    let number = this.#slots[slotOf(length, bytes[start]!, bytes[end - 1]!)]! - 1;
    for (; number >= 0; number = this.#nextInSlot[number]! - 1) {
      const nameStart = this.#starts[number]!;
      if (this.#starts[number + 1]! - nameStart !== length) continue;
      let i = 0;
      while (i < length && this.#bytes[nameStart + i] === bytes[start + i]) i++;
      if (i === length) return number;
    }
    return -1;
  }
}

function slotOf(length: number, first: number, last: number): number {
  return (length * 37 + first * 5 + last) & (SLOTS - 1);
}
