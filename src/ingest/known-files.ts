import type { FileFormat, Unreadable } from './format.ts';

interface KnownFile {
  /** Matches the beginning, a character for each byte. */
  readonly start: RegExp;
  readonly what: string;
  readonly instead: string;
  /** It holds no events, whatever else it says. */
  readonly isOther?: true;
}

/** Files that shops have beside their events, and what to do instead. */
const KNOWN: readonly KnownFile[] = [
  // Zip: the parts of an Excel or OpenDocument file are named near the beginning.
  {
    start: /^PK\x03\x04[\s\S]*(xl\/|\[Content_Types\]\.xml)/,
    what: 'an Excel workbook',
    instead: 'export it as CSV',
  },
  {
    start: /^PK\x03\x04[\s\S]*opendocument\.spreadsheet/,
    what: 'an OpenDocument spreadsheet',
    instead: 'export it as CSV',
  },
  { start: /^PK(\x03\x04|\x05\x06|\x07\x08)/, what: 'a zip archive', instead: 'unpack it' },
  {
    start: /^\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1/,
    what: 'an Excel workbook of the old kind (xls)',
    instead: 'export it as CSV',
  },
  { start: /^Obj\x01/, what: 'an Avro file', instead: 'convert it to NDJSON or Parquet' },
  { start: /^ORC/, what: 'an ORC file', instead: 'convert it to NDJSON or Parquet' },
  { start: /^ARROW1\0\0/, what: 'an Arrow file', instead: 'convert it to Parquet' },
  { start: /^SQLite format 3\0/, what: 'an SQLite database', instead: 'export the table as CSV' },
  { start: /^[\s\S]{8}DUCK/, what: 'a DuckDB database', instead: 'export the table as Parquet or CSV' },
  { start: /^%PDF-/, isOther: true, what: 'a PDF document', instead: 'export the data as CSV' },
  {
    start: /^(\x89PNG|\xff\xd8\xff|GIF8[79]a|RIFF[\s\S]{4}WEBP|BM[\s\S]{4}\0\0\0\0)/,
    isOther: true,
    what: 'an image',
    instead: 'use the data itself',
  },
  { start: /^\xfd7zXZ\0/, what: 'an xz file', instead: 'unpack it with xz' },
  { start: /^7z\xbc\xaf\x27\x1c/, what: 'a 7-Zip archive', instead: 'unpack it' },
  { start: /^Rar!\x1a\x07/, what: 'a RAR archive', instead: 'unpack it' },
  { start: /^(\x04\x22\x4d\x18|\x02\x21\x4c\x18)/, what: 'an lz4 file', instead: 'unpack it with lz4' },
  { start: /^(\xff\x06\0\0sNaPpY|\x82SNAPPY\0)/, what: 'a Snappy file', instead: 'unpack it' },
  { start: /^[\s\S]{257}ustar/, what: 'a tar archive', instead: 'unpack it' },
  {
    start: /^(\x7fELF|MZ[\s\S]{58}[\s\S]{4}[\s\S]*PE\0\0|\xcf\xfa\xed\xfe)/,
    isOther: true,
    what: 'a program',
    instead: 'use the data itself',
  },
  {
    start: /^\s*(<!doctype html|<html|<head|<body)\b/i,
    isOther: true,
    what: 'an HTML page',
    instead: 'use the data that it shows',
  },
  {
    start: /^\s*<(\?xml|!--|!DOCTYPE|[A-Za-z_][\w.-]*(:[\w.-]+)?[\s/>])/,
    what: 'XML',
    instead: 'convert it to JSON or CSV',
  },
  { start: /^\{\\rtf/, isOther: true, what: 'an RTF document', instead: 'export the data as CSV' },
  { start: /^-----BEGIN /, isOther: true, what: 'a key or certificate', instead: 'use the data itself' },
];

/** What a file is that the formats of text can't read; null: nothing that is known. */
export function knownFile(bytes: Buffer): FileFormat | Unreadable | null {
  const start = bytes.toString('latin1', 0, 4096);
  // A column may be named PAR1, too, but would be followed by a delimiter.
  if (/^PAR1[^,;\t|\r\n]/.test(start)) return { fileFormat: 'parquet' };
  if (/^PARE/.test(start) && start.includes('\0'))
    return { refusal: 'looks like an encrypted Parquet file; write it without encryption' };
  const found = KNOWN.find((file) => file.start.test(start));
  if (!found) return null;
  const refusal = `looks like ${found.what}; ${found.instead}`;
  return found.isOther ? { refusal, isOther: found.what } : { refusal };
}
