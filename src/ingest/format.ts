import type { Reason } from '../event/reasons.ts';

/** A record longer than this can't be an event; it becomes a bad row with its beginning. */
export const RECORD_BYTES_MAX = 4 * 1024 * 1024;
/** Bytes that detection looks at. */
export const SAMPLE_BYTES_MAX = 64 * 1024;

/** What a format gives, in the order of the input. */
export type Decoded =
  | JsonTexts
  | { readonly kind: 'records'; readonly records: SourceRecord[] }
  /** A piece that is not a record: it becomes one bad row with its own bytes. */
  | {
      readonly kind: 'rejected';
      readonly reason: Reason;
      readonly raw: Buffer;
      readonly place: number;
      /** More than the reason says. */
      readonly why?: string;
    };

/**
 * JSON texts, one a line ("\n" after each; no raw line end within one). They may be views of the chunk that was pushed, and
 * may hold blank lines.
 */
export interface JsonTexts {
  readonly kind: 'json';
  readonly bytes: Buffer;
  /** Line of the input where each text begins, from 1; `first`: they follow one another. */
  readonly places: readonly number[] | { readonly first: number };
}

/** A record that is already values. */
export interface SourceRecord {
  /** By the names of the source. Empty cells are left out; a number whose digits a double would lose is a text. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** The record's own bytes; a view of memory that stays valid as long as the record. */
  readonly raw: Buffer;
  /** Line of the input, from 1. */
  readonly place: number;
  /** The rows of a table that were put together to this record, itself the first. */
  readonly rows?: readonly Readonly<Record<string, unknown>>[];
  /** The same record by its bytes, where it is a row whose cells are in them as they stand. */
  readonly plainRow?: PlainRow;
}

/** A row of a table whose cells are in its bytes as they stand: UTF-8 without NULs. */
export interface PlainRow {
  /** Names of the columns; one list for all rows of a table. */
  readonly columns: readonly string[];
  /** Bytes of the row. */
  readonly length: number;
  /** What the cells are in. */
  readonly block: Buffer;
  /** Starts and ends of the cells in the block, one after the other; valid until the next call for a row of the table. */
  cells(): Int32Array;
}

/** Takes decompressed UTF-8 bytes, cut anywhere, and gives the same pieces however they are cut. */
export interface RecordDecoder {
  push(chunk: Buffer): Decoded[];
  /** The input has ended: what was held back. */
  end(): Decoded[];
}

/** The beginning of an input, decompressed and in UTF-8, without byte order mark. */
export interface Sample {
  readonly bytes: Buffer;
  /** Whether this is the entire input. */
  readonly isWhole: boolean;
}

/** How a table looks whose files have no line with the names of its columns. A file has as many columns, or is another table. */
export interface HeaderlessTable {
  readonly columns: readonly string[];
  /** Whether cells may be in quotes; false: quotes are part of their values. */
  readonly quotes: boolean;
}

/** What a user declares; the rest is detected. */
export interface DetectOptions {
  /** Name of the format. */
  readonly format?: string;
  /** Those that are tried, in this order. Default: all of `formats/all.ts`. */
  readonly formats?: readonly Format[];
  /** CSV: one character between cells. */
  readonly delimiter?: string;
  /** CSV: whether line 1 has the names. */
  readonly header?: boolean;
  /** CSV: the names, where there is no header or another one is wanted. */
  readonly columns?: readonly string[];
  /** CSV: rows that follow each other with the same value in this column are one record. */
  readonly group?: string;
  /** CSV: a table that is known, for files of it that have no line with the names of its columns. */
  readonly headerless?: HeaderlessTable;
  /** JSON: where the array of records is in the object (`data.events`), or false: the object itself is the record. */
  readonly wrapper?: string | false;
  /** Whether a name is the time or the type of an event in some spelling, or one that the mapping reads. */
  readonly isKnownName?: (name: string) => boolean;
}

/** What was detected. Formats add what their decoder needs. */
export interface Detection {
  /** Words for the report, after the name of the format: "semicolon", "7 columns". */
  readonly details: readonly string[];
}

/** The input can't be read without doubt: nothing of it is taken. */
export interface Unreadable {
  /** A sentence that goes on after the name of the input: "looks like an Excel workbook; export it as CSV". */
  readonly refusal: string;
  /** What it is, where it can't be events: "an image". */
  readonly isOther?: string;
}

/** A format that a library reads from the file itself, not from a stream of bytes. */
export interface FileFormat {
  readonly fileFormat: 'parquet';
}

/** A way to write records. Formats are tried in the order of `formats/all.ts`. */
export interface Format<D extends Detection = Detection> {
  readonly name: string;
  /** One line for the docs. */
  readonly description: string;
  /** A record may be of many lines: a file of it can't be followed as it grows. */
  readonly isWhole?: true;
  /** Null: the sample is something else. With `options.format` naming this one, whatever can be read is accepted. */
  detect(sample: Sample, options: DetectOptions): D | Unreadable | null;
  decoder(detection: D): RecordDecoder;
}

/** Ids of the records of an input: a prefix and their number, from `next` on; or one for each record. */
export type RecordIds = { readonly prefix: string; readonly next: number } | readonly string[];
