import { FIELDS } from './fields.ts';

const WORD = 4;
/** Longer names, with their quotes and colon, are looked up each time. */
const BYTES_MAX = 64;
/** Before the first member of a line, and after one that is no field. */
const AT_START = FIELDS.length;
const AFTER_OTHER = FIELDS.length + 1;
const PLACES = FIELDS.length + 2;

/**
 * Which name followed which member in the lines before. A source writes its members in one order, so the next name is mostly known, and
 * comparing it, four bytes at a time, costs less than finding its end and looking it up.
 */
export class NextNames {
  /** Length of the name after each member, with its quotes and colon; 0 where none is known. */
  readonly #lengths = new Uint8Array(PLACES);
  readonly #texts = Buffer.alloc(PLACES * BYTES_MAX);
  readonly #words = new DataView(this.#texts.buffer, this.#texts.byteOffset, this.#texts.length);
  /** What the name after each member stands for. */
  readonly #indexes = new Int8Array(PLACES);
  readonly #isRenamed = new Uint8Array(PLACES);
  /** Index of the field that came last, or another place in a line. */
  #place = AT_START;

  begin(): void {
    this.#place = AT_START;
  }

  /** Goes on after a member: a field, or any other. */
  after(index: number): void {
    this.#place = index >= 0 ? index : AFTER_OTHER;
  }

  /** What the name that is expected stands for, and whether it is another name of it. */
  get index(): number {
    return this.#indexes[this.#place]!;
  }

  get isRenamed(): boolean {
    return this.#isRenamed[this.#place] === 1;
  }

  /** Length of the name that is expected, with its quotes and colon, where it stands at `start`; else 0. `words`: of the line's bytes. */
  lengthAt(words: DataView, start: number, end: number): number {
    const length = this.#lengths[this.#place]!;
    if (length === 0 || start + length > end) return 0;
    const known = this.#place * BYTES_MAX;
    const last = length - WORD;
    if (words.getInt32(start + last) !== this.#words.getInt32(known + last)) return 0;
    for (let i = 0; i < last; i += WORD)
      if (words.getInt32(start + i) !== this.#words.getInt32(known + i)) return 0;
    return length;
  }

  /** Notes the name in `bytes[start, end)`, from its quote to its colon, which stands where another was expected. */
  note(bytes: Buffer, start: number, end: number, index: number, isRenamed: boolean): void {
    const length = end - start;
    if (length < WORD || length > BYTES_MAX) return;
    bytes.copy(this.#texts, this.#place * BYTES_MAX, start, end);
    this.#lengths[this.#place] = length;
    this.#indexes[this.#place] = index;
    this.#isRenamed[this.#place] = isRenamed ? 1 : 0;
  }

  /** Forgets what the names stand for. */
  clear(): void {
    this.#lengths.fill(0);
  }
}
