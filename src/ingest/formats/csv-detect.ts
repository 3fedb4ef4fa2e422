import { isUtf8 } from 'node:buffer';
import { counted } from '../../telemetry/words.ts';
import type { Detection, DetectOptions, Sample, Unreadable } from '../format.ts';
import { isDecidingName } from '../names.ts';
import { type CsvLayout, CsvRecord, RECORD_READ } from './csv-record.ts';
import { withoutMark } from './lines.ts';

const DELIMITERS: Record<string, string> = { ',': 'comma', ';': 'semicolon', '\t': 'tab', '|': 'bar' };
const RECORDS_LOOKED_AT = 500;
/** Least share of records with the same number of cells. */
const EQUAL_SHARE_MIN = 0.6;
/** The same where nothing but that says that this is a table. */
const EQUAL_SHARE_MIN_NO_HEADER = 0.95;

export interface CsvDetection extends Detection, CsvLayout {
  readonly names: readonly string[];
  /** Records before the first one of the table: the header, a line `sep=`. */
  readonly headerRecords: number;
  /** The column by which rows are put together. */
  readonly group?: string;
}

interface Table {
  readonly delimiter: string;
  readonly isEscapedByBackslash: boolean;
  /** Lines with quotes that do not fit, from 0. */
  readonly badLines: readonly number[];
  readonly rows: readonly string[][];
  /** Line of each row in the text, from 0. */
  readonly lines: readonly number[];
  /** The commonest number of cells, and the share of records that have it. */
  readonly cellCount: number;
  readonly share: number;
}

/** Finds delimiter, header and columns from the cell counts of many records. */
export function detectCsv(sample: Sample, options: DetectOptions): CsvDetection | Unreadable | null {
  if (options.delimiter !== undefined && !/^[^"\r\n]$/.test(options.delimiter))
    return {
      refusal: `can't be read with "${options.delimiter}" between cells: use one character, not a quote`,
    };
  const text = withoutMark(sample.bytes).toString('latin1');
  const declared = /^\s*sep=(.)\r?\n/.exec(text);
  const isForced = options.format === 'csv';
  const from = declared ? declared[0].length : 0;
  const given = options.delimiter ?? declared?.[1];
  const tables = (given === undefined ? Object.keys(DELIMITERS) : [given]).map((delimiter) =>
    chosenEscape(text.slice(from), delimiter, sample.isWhole),
  );
  const known = headerlessTable(text.slice(from), given, sample.isWhole, options);
  if (known !== null) {
    const { columns, quotes } = options.headerless!;
    return describe(known, false, declared !== null, { ...options, columns }, { hasNoQuotes: !quotes });
  }
  const isKnownName = options.isKnownName ?? isDecidingName;
  const titled = tables.reduce((a, b) => (isBetter(b, a, isKnownName) ? b : a));
  if (titled.rows.length === 0) return null;
  const titles = options.header === undefined && !options.columns ? titleRows(titled, isKnownName) : 0;
  const badTitles = titles === 0 ? 0 : titled.badLines.filter((line) => line < titled.lines[titles]!).length;
  const best = { ...titled, rows: titled.rows.slice(titles), lines: titled.lines.slice(titles) };
  if (!text.includes('\n') && /\r[^\n]/.test(text))
    return { refusal: 'has carriage returns as line ends, as old Macs wrote them; convert them to "\\n"' };
  const hasHeader = options.header ?? looksLikeHeader(best, options);
  const isLikely = hasKnownName(best, isKnownName) || (best.cellCount >= 2 && best.share >= EQUAL_SHARE_MIN);
  if (!isForced && given === undefined && !isLikely) return null;
  // Prose has commas, too.
  const isTable = best.cellCount >= 3 && best.rows.length >= 2 && best.share >= EQUAL_SHARE_MIN_NO_HEADER;
  if (!isForced && given === undefined && !hasHeader && !options.columns && !isTable) return null;
  return describe(best, hasHeader, declared !== null, options, { titles: titles + badTitles });
}

/** Lines before the header that are looked at. */
const TITLES_MAX = 20;

/** How many rows stand above the header: a title and the like, with at most half as many values as the header has names. */
function titleRows({ rows, cellCount }: Table, isKnownName: (name: string) => boolean): number {
  const named = (row: readonly string[]) => row.map(nameIn).filter((name) => name !== '');
  const isHeader = (row: readonly string[]) =>
    row.length === cellCount && named(row).length === cellCount && named(row).some(isKnownName);
  const at = rows.slice(0, TITLES_MAX).findIndex(isHeader);
  const isTitle = (row: readonly string[]) =>
    named(row).length * 2 <= cellCount && !named(row).some(isKnownName);
  return at > 0 && rows.slice(0, at).every(isTitle) ? at : 0;
}

/** Whether line 1 names a column that events need, beside others. */
function hasKnownName({ rows }: Pick<Table, 'rows'>, isKnownName: (name: string) => boolean): boolean {
  const names = (rows[0] ?? []).map(nameIn);
  return names.length >= 2 && names.some(isKnownName);
}

/** Least share of a header's cells that are names of the known table. */
const HEADER_SHARE_MIN = 0.5;

/** The table that the mapping knows without a line of names; null where this is another one, or has such a line. */
function headerlessTable(
  text: string,
  given: string | undefined,
  isWhole: boolean,
  { headerless, header, columns: named }: DetectOptions,
): Table | null {
  if (headerless === undefined || header === true || named !== undefined) return null;
  const { columns, quotes } = headerless;
  const delimiters = given === undefined ? Object.keys(DELIMITERS) : [given];
  const table = delimiters
    .map((delimiter) => readTable(text, delimiter, false, isWhole, quotes))
    .find(({ cellCount, share }) => cellCount === columns.length && share >= EQUAL_SHARE_MIN);
  if (table === undefined) return null;
  // Values may be names of columns, too: `event` is one of Snowplow's.
  const names = table.rows[0]!.filter((cell) => columns.includes(nameIn(cell)));
  return names.length >= columns.length * HEADER_SHARE_MIN ? null : table;
}

function isBetter(a: Table, b: Table, isKnownName: (name: string) => boolean): boolean {
  const score = (table: Table) =>
    (table.cellCount < 2 ? 0 : table.share) + (hasKnownName(table, isKnownName) ? 1 : 0);
  return score(a) === score(b) ? a.cellCount > b.cellCount : score(a) > score(b);
}

/** Backslashes escape quotes where more lines can be read so. */
function chosenEscape(text: string, delimiter: string, isWhole: boolean): Table {
  const table = readTable(text, delimiter, false, isWhole);
  if (!text.includes('\\"')) return table;
  const escaped = readTable(text, delimiter, true, isWhole);
  return escaped.badLines.length < table.badLines.length ? escaped : table;
}

function readTable(
  text: string,
  delimiter: string,
  isEscapedByBackslash: boolean,
  isWhole: boolean,
  mayHaveQuotes = true,
): Table {
  const record = new CsvRecord({ delimiter, isEscapedByBackslash, cellCount: 0, digitColumns: [] });
  const badLines: number[] = [];
  const rows: string[][] = [];
  const lines: number[] = [];
  let lineNumber = 0;
  for (let at = 0; at < text.length && rows.length < RECORDS_LOOKED_AT; ) {
    const lineEnd = text.indexOf('\n', at);
    if (lineEnd === -1 && !isWhole) break;
    const end = lineEnd === -1 ? text.length : lineEnd;
    const line = text.slice(at, end).replace(/\r$/, '');
    const hasQuote = mayHaveQuotes && line.includes('"');
    const isRead = hasQuote && record.read(text, at, isWhole) === RECORD_READ;
    const isRow = isRead || (line.trim() !== '' && !hasQuote);
    if (isRow) {
      rows.push(isRead ? record.cells : line.split(delimiter));
      lines.push(lineNumber);
    }
    if (hasQuote && !isRead) badLines.push(lineNumber);
    const next = isRead ? record.end : end + 1;
    lineNumber += isRead ? text.slice(at, next).split('\n').length - 1 : 1;
    at = next;
  }
  const counts = new Map<number, number>();
  for (const { length } of rows) counts.set(length, (counts.get(length) ?? 0) + 1);
  const [cellCount, records] = [...counts].reduce((a, b) => (b[1] > a[1] ? b : a), [0, 0]);
  const share = rows.length > 0 ? records / rows.length : 0;
  return { delimiter, isEscapedByBackslash, badLines, rows, lines, cellCount, share };
}

/** Names are distinct texts that begin with a letter; values of events hold a time or a number somewhere. */
function looksLikeHeader({ rows }: Table, options: DetectOptions): boolean {
  const first = rows[0]!.map(nameIn);
  if (first.some(options.isKnownName ?? isDecidingName)) return true;
  const isNames = first.every((cell) => /^[#@$_]?\p{L}/u.test(cell));
  return isNames && new Set(first).size === first.length && first.every((cell) => cell.length <= 64);
}

/** The sample's text has a character for each byte. */
const bytesOf = (cell: string) => Buffer.from(cell, 'latin1');

/** The name in a cell of the header. */
const nameIn = (cell: string) => bytesOf(cell).toString().trim();

function describe(
  table: Table,
  hasHeader: boolean,
  hasSepLine: boolean,
  options: DetectOptions,
  { hasNoQuotes = false, titles = 0 }: { hasNoQuotes?: boolean; titles?: number } = {},
): CsvDetection | Unreadable {
  const { delimiter, isEscapedByBackslash } = table;
  const body = hasHeader ? table.rows.slice(1) : table.rows;
  const header = hasHeader ? table.rows[0]!.map(nameIn) : [];
  const names = [...(options.columns ?? header)];
  if (names.length === 0) for (let i = 0; i < table.cellCount; i++) names.push('');
  // All lines end with a delimiter, and the header does not.
  if (body.length > 0 && body.every((row) => row.length === names.length + 1 && row.at(-1) === ''))
    names.push('');
  const named = names.map((name, i) => name || `column_${i + 1}`);
  // The rows could be read one by one; under a wrong name a whole column is lost. Where any name will do, the table is only looked at.
  const isLookedAt = options.isKnownName?.('\ufffd') === true;
  if (hasHeader && !options.columns && !isLookedAt && !table.rows[0]!.every((cell) => isUtf8(bytesOf(cell))))
    return {
      refusal: `has names of columns that are not UTF-8; columns: ${named.join(', ')}. Set --encoding (encoding) to that of the file, such as windows-1252`,
    };
  const problem = problemOf(named, hasHeader, options);
  if (problem) return problem;
  return {
    details: [
      DELIMITERS[delimiter] ?? `"${delimiter}" between cells`,
      `${named.length} columns`,
      hasHeader ? `header in line ${table.lines[0]! + (hasSepLine ? 2 : 1)}` : 'no header',
      ...(titles > 0 ? [`${counted(titles, 'line')} before it left out`] : []),
      ...(hasNoQuotes ? ['no quotes'] : []),
      ...(isEscapedByBackslash ? ['quotes escaped by backslashes'] : []),
    ],
    delimiter,
    isEscapedByBackslash,
    ...(hasNoQuotes ? { hasNoQuotes } : {}),
    names: named,
    cellCount: named.length,
    headerRecords: titles + (hasHeader ? 1 : 0) + (hasSepLine ? 1 : 0),
    digitColumns: named.map((_, i) => isDigitColumn(body, i)),
    ...(options.group !== undefined && named.includes(options.group) ? { group: options.group } : {}),
  };
}

function problemOf(names: readonly string[], hasHeader: boolean, options: DetectOptions): Unreadable | null {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  const list = names.join(', ');
  if (twice !== undefined) return { refusal: `names the column "${twice}" twice; columns: ${list}` };
  if (!hasHeader && !options.columns && options.isKnownName)
    return {
      refusal: `has no line with the names of its ${names.length} columns; add one, or name them in their order with --columns (columns), such as timestamp,event_type,user_id`,
    };
  if (!hasHeader || options.columns || !options.isKnownName || names.some(options.isKnownName)) return null;
  return {
    refusal: `has neither a column for the time nor one for the type of events; columns: ${list}. Name them in a mapping. If line 1 is a record, name the columns in their order with --columns (columns)`,
  };
}

function isDigitColumn(rows: readonly string[][], column: number): boolean {
  const cells = rows.map((row) => row[column] ?? '').filter((cell) => cell !== '');
  const digits = cells.filter((cell) => /^\s*-?\d/.test(cell)).length;
  return cells.length >= 2 && digits >= cells.length * 0.9;
}
