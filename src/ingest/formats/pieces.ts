import type { Reason } from '../../event/reasons.ts';
import { type Decoded, RECORD_BYTES_MAX, type SourceRecord } from '../format.ts';

const EMPTY = Buffer.alloc(0);
const NEWLINE = 0x0a;

/** Collects what a decoder gives in one call: neighbours of a kind become one piece. */
export class Pieces {
  #done: Decoded[] = [];
  #texts: Buffer = EMPTY;
  #textBytes = 0;
  #places: number[] = [];
  #records: SourceRecord[] = [];

  /** A JSON text without its line end; it is copied. */
  text(bytes: Buffer, place: number): void {
    if (this.#records.length > 0) this.#endRecords();
    const end = this.#textBytes + bytes.length;
    if (end >= this.#texts.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(end + 1, this.#texts.length * 2, 4096));
      this.#texts.copy(larger, 0, 0, this.#textBytes);
      this.#texts = larger;
    }
    bytes.copy(this.#texts, this.#textBytes);
    this.#texts[end] = NEWLINE;
    this.#textBytes = end + 1;
    this.#places.push(place);
  }

  record(record: SourceRecord): void {
    if (this.#textBytes > 0) this.#endTexts();
    this.#records.push(record);
  }

  /** What can't be read, with a copy of its bytes, up to the limit. */
  reject(reason: Reason, raw: Buffer, place: number): void {
    this.add({ kind: 'rejected', reason, raw: Buffer.from(raw.subarray(0, RECORD_BYTES_MAX)), place });
  }

  /** A piece that is complete. */
  add(piece: Decoded): void {
    this.#endTexts();
    this.#endRecords();
    this.#done.push(piece);
  }

  /** All pieces since the last call. */
  take(): Decoded[] {
    this.#endTexts();
    this.#endRecords();
    const done = this.#done;
    this.#done = [];
    return done;
  }

  #endTexts(): void {
    if (this.#textBytes === 0) return;
    const bytes = this.#texts.subarray(0, this.#textBytes);
    this.#done.push({ kind: 'json', bytes, places: this.#places });
    [this.#texts, this.#textBytes, this.#places] = [EMPTY, 0, []];
  }

  #endRecords(): void {
    if (this.#records.length === 0) return;
    this.#done.push({ kind: 'records', records: this.#records });
    this.#records = [];
  }
}
