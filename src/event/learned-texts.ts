/** Texts that are kept, and bytes of the longest. */
const SLOTS = 4096;
const BYTES_MAX = 252;
const WORD = 4;
/** Words of a text that its hash is made of, besides the last one. */
const SAMPLES = 6;

/**
 * Texts that were found to be fine as they are, recognized by their bytes. Of two with the same hash the last one stays, so the
 * memory is bounded and what is forgotten is only looked at once more. Bytes are read four at a time, which is a good deal faster.
 */
export class LearnedTexts {
  readonly #lengths = new Uint8Array(SLOTS);
  /** Made when there is something to keep. */
  #texts: Buffer = Buffer.alloc(0);
  #words = new DataView(this.#texts.buffer);
  /** The bytes that were asked about last, and their view. */
  #asked: Buffer = this.#texts;
  #view = this.#words;

  has(bytes: Buffer, start: number, end: number): boolean {
    const length = end - start;
    if (length < WORD || length > BYTES_MAX) return false;
    if (bytes !== this.#asked) {
      this.#asked = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    }
    const view = this.#view;
    const slot = slotOf(view, start, length);
    if (this.#lengths[slot] !== length) return false;
    const words = this.#words;
    let known = slot * BYTES_MAX;
    const last = end - WORD;
    if (words.getInt32(known + length - WORD) !== view.getInt32(last)) return false;
    for (let i = start; i < last; i += WORD, known += WORD)
      if (words.getInt32(known) !== view.getInt32(i)) return false;
    return true;
  }

  add(text: string): void {
    const bytes = Buffer.from(text);
    if (bytes.length < WORD || bytes.length > BYTES_MAX) return;
    if (this.#texts.length === 0) {
      this.#texts = Buffer.allocUnsafeSlow(SLOTS * BYTES_MAX);
      this.#words = new DataView(this.#texts.buffer);
    }
    const slot = slotOf(new DataView(bytes.buffer), bytes.byteOffset, bytes.length);
    this.#texts.set(bytes, slot * BYTES_MAX);
    this.#lengths[slot] = bytes.length;
  }
}

function slotOf(view: DataView, start: number, length: number): number {
  const last = length - WORD;
  let hash = length ^ view.getInt32(start + last);
  for (let n = 1; n <= SAMPLES; n++)
    hash = Math.imul(hash, 31) ^ view.getInt32((start + Math.imul(last, n - 1) / SAMPLES) | 0);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash >>> 12) & (SLOTS - 1);
}
