import { type Decoded, RECORD_BYTES_MAX, type RecordDecoder, type SourceRecord } from '../format.ts';
import { Pieces } from './pieces.ts';

/** No order has more lines; of what seems to be one the rest begins another record. */
const ROWS_MAX = 1000;
const NEWLINE = Buffer.from('\n');

/** Rows of one order: the record is the first of them, and has all of them beside it. */
class RowGroup implements SourceRecord {
  readonly #rows: SourceRecord[];

  constructor(first: SourceRecord) {
    this.#rows = [first];
  }

  get length(): number {
    return this.#rows.length;
  }

  add(row: SourceRecord): void {
    this.#rows.push(row);
  }

  get fields(): SourceRecord['fields'] {
    return this.#rows[0]!.fields;
  }

  get rows(): readonly SourceRecord['fields'][] {
    return this.#rows.map(({ fields }) => fields);
  }

  get place(): number {
    return this.#rows[0]!.place;
  }

  get raw(): Buffer {
    if (this.#rows.length === 1) return this.#rows[0]!.raw;
    const raw = Buffer.concat(this.#rows.flatMap((row, n) => (n === 0 ? [row.raw] : [NEWLINE, row.raw])));
    return raw.subarray(0, RECORD_BYTES_MAX);
  }
}

/**
 * Makes one record of rows that follow each other with the same value in a column, such as the lines of an order. A row without a value
 * there is a record of its own.
 */
export class GroupedRows implements RecordDecoder {
  readonly #rows: RecordDecoder;
  readonly #column: string;
  readonly #pieces = new Pieces();
  #group: RowGroup | null = null;
  #key: unknown;

  constructor(rows: RecordDecoder, column: string) {
    this.#rows = rows;
    this.#column = column;
  }

  push(chunk: Buffer): Decoded[] {
    this.#take(this.#rows.push(chunk));
    return this.#pieces.take();
  }

  end(): Decoded[] {
    this.#take(this.#rows.end());
    this.#endGroup();
    return this.#pieces.take();
  }

  #take(pieces: readonly Decoded[]): void {
    for (const piece of pieces) {
      if (piece.kind === 'records') for (const record of piece.records) this.#row(record);
      else {
        // A row that can't be read may be of the same order: what comes after it is not told apart from another one.
        this.#endGroup();
        this.#pieces.add(piece);
      }
    }
  }

  #row(record: SourceRecord): void {
    const key = record.fields[this.#column];
    if (this.#group !== null && key !== undefined && key === this.#key && this.#group.length < ROWS_MAX) {
      this.#group.add(record);
      return;
    }
    this.#endGroup();
    this.#group = new RowGroup(record);
    this.#key = key;
  }

  #endGroup(): void {
    if (this.#group !== null) this.#pieces.record(this.#group);
    this.#group = null;
  }
}
