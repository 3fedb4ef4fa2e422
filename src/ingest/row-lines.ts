import { FIELDS } from '../event/fields.ts';
import { type CellReader, CellReaders, DOUBTFUL, JSON_BYTES_MAX, NO_VALUE, NOT_KEPT } from './cell-reader.ts';
import type { PlainRow } from './format.ts';
import { targetOf } from './names.ts';
import type { Normalizer } from './normalize.ts';
import type { Note } from './notes.ts';
import { isOrderStatus } from './order-status.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BLANK = 0x20;
const OBJECT_OPEN = 0x7b;
const OBJECT_CLOSE = 0x7d;

/** In place of the index of a field: a column that is not one. */
const UNUSED = -1;
const NO_COLUMN = -2;

interface Column {
  readonly name: string;
  /** Its place in the table. */
  readonly at: number;
  /** Index of its field, or UNUSED. */
  readonly field: number;
  /** What stands before its value in the line. */
  readonly before: Uint8Array;
  /** What reads its cells, where they may be something else than texts. */
  readonly reader: CellReader | null;
  /** Of the status of an order, what is noted where it is given; null of any other column. */
  readonly status: Note | null;
}

/** More than an id, and values that are spelled in another way, add to a line. */
const SPARE_BYTES = 8192;
const EXTRA = Buffer.from(',"extra":{');
/** After so many doubtful rows, only one of `TRIED_EVERY` is tried. */
const DOUBTS_MAX = 64;
const TRIED_EVERY = 16;

/** How the rows of a table become lines. */
class Table {
  /** Fields in the order of the schema, and then the others. */
  readonly columns: readonly Column[];
  /** Most bytes of a line beside its values. */
  readonly bytesBeside: number;
  /** Rows that had to be read by their values, since the last one that had not. */
  doubts = 0;

  constructor(columns: readonly Column[]) {
    const rank = ({ field }: Column) => (field === UNUSED ? FIELDS.length : field);
    this.columns = columns.toSorted((a, b) => rank(a) - rank(b));
    const beside = (column: Column) => column.before.length + JSON_BYTES_MAX;
    this.bytesBeside = columns.reduce((sum, column) => sum + beside(column), EXTRA.length + 2);
  }
}

/**
 * Writes rows of tables as lines by our names, all values as texts, so that they are checked by their bytes as lines of JSON are. Rows
 * of which a name, a cell or their number raise a doubt are left to who reads values.
 */
export class RowLines {
  /** The line that was written last is its beginning. */
  bytes: Buffer = Buffer.alloc(0);
  /** Whether the settings leave canonical events as they are. */
  readonly #keepsPlainLines: boolean;
  readonly #bytesMax: number;
  readonly #readers: CellReaders;
  readonly #tables = new WeakMap<readonly string[], Table>();
  #names: readonly string[] = [];
  #table = new Table([]);
  /** Whether the row that was written last has the status of an order, where a column is one. */
  #status: Note | null = null;

  /** `storedBytesMax`: records that the log stores are shorter. */
  constructor(normalizer: Normalizer, storedBytesMax: number) {
    this.#keepsPlainLines = normalizer.keepsPlainLines;
    this.#bytesMax = storedBytesMax - SPARE_BYTES;
    this.#readers = new CellReaders(normalizer);
  }

  /**
   * Writes a row, without a line end, and gives the length of the line; 0 where the row is to be read by its values. `isReported`: whether
   * a column that is not a field has been reported as one.
   */
  write(row: PlainRow, isReported: (column: string) => boolean): number {
    if (!this.#keepsPlainLines) return 0;
    const table = this.#tableOf(row.columns);
    if (table.doubts > DOUBTS_MAX && table.doubts++ % TRIED_EVERY !== 0) return 0;
    const length = this.#write(row, table, isReported);
    if (length > 0 && length <= this.#bytesMax) return length;
    table.doubts++;
    return 0;
  }

  /** What is doubtful about the row that was written last, and yet an event. */
  notes(): readonly Note[] {
    const notes = this.#readers.timeNotes();
    return this.#status === null ? notes : [...notes, this.#status];
  }

  /** Notes whether the row that was written last was taken as it is. */
  learn(isTaken: boolean): void {
    this.#table.doubts = isTaken ? 0 : this.#table.doubts + 1;
  }

  #tableOf(names: readonly string[]): Table {
    if (names === this.#names) return this.#table;
    this.#names = names;
    this.#table = this.#tables.get(names) ?? new Table(names.map((name, at) => this.#column(name, at)));
    this.#tables.set(names, this.#table);
    return this.#table;
  }

  #column(name: string, at: number): Column {
    const { index } = targetOf(name);
    const isField = index >= 0;
    return {
      name,
      at,
      field: isField ? index : UNUSED,
      before: Buffer.from(`,"${isField ? FIELDS[index]!.name : name}":`),
      reader: isField ? this.#readers.ofField(index) : this.#readers.ofOther(name),
      status: !isField && isOrderStatus(name) ? { code: 'status_given', field: name } : null,
    };
  }

  #write(row: PlainRow, { columns, bytesBeside }: Table, isReported: (column: string) => boolean): number {
    const { block } = row;
    const cells = row.cells();
    const most = row.length + bytesBeside;
    if (this.bytes.length < most) this.bytes = Buffer.allocUnsafeSlow(2 * most);
    const target = this.bytes;
    let length = 0;
    let last = NO_COLUMN;
    this.#status = null;
    for (let n = 0; n < columns.length; n++) {
      const { at, field, name, before, reader, status } = columns[n]!;
      const start = cells[2 * at]!;
      const end = cells[2 * at + 1]!;
      if (start === end) continue;
      this.#status ??= status;
      const json = reader === null ? null : reader.read(block, start, end);
      if (json === DOUBTFUL) return 0;
      // The first member of an object has no comma before it.
      let skipped = 0;
      if (field !== UNUSED) {
        if (json === NO_VALUE) continue;
        // Of two columns of a field, the values decide which one counts.
        if (field === last) return 0;
        if (json === NOT_KEPT) {
          last = field;
          continue;
        }
      } else if (!isReported(name)) return 0;
      else if (last !== UNUSED) {
        for (let i = 0; i < EXTRA.length; i++) target[length++] = EXTRA[i]!;
        skipped = 1;
      }
      last = field;
      for (let i = skipped; i < before.length; i++) target[length++] = before[i]!;
      if (json !== null) {
        for (let i = 0; i < json.length; i++) target[length++] = json[i]!;
        continue;
      }
      target[length++] = QUOTE;
      for (let i = start; i < end; i++) {
        const byte = block[i]!;
        if (byte < BLANK || byte === QUOTE || byte === BACKSLASH) return 0;
        target[length++] = byte;
      }
      target[length++] = QUOTE;
    }
    if (length === 0) return 0;
    target[0] = OBJECT_OPEN;
    target[length++] = OBJECT_CLOSE;
    if (last === UNUSED) target[length++] = OBJECT_CLOSE;
    return length;
  }
}
