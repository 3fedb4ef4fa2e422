import type { BatchDecoder, LogPieces, TypedRows, ValidateExternal } from '../../decode/batch.ts';
import { EXCLUDED } from '../../decode/identity.ts';
import { isOneRun, type LogBatch } from '../../log/event-log.ts';
import { addCount, type CountsBySource, sumCounts } from '../../log/offset.ts';
import { type Connection, quote } from './database.ts';
import { LineFeed } from './line-feed.ts';
import { lineOrigins, type Run } from './line-origins.ts';
import { doubtfulSql, type Fields, parsedColumnsSql, typedFileSql, typedLinesSql } from './schema-sql.ts';

/** So few bytes go into the statement itself. */
const STATEMENT_BYTES_MAX = 128 * 1024;
const NEWLINE = 0x0a;

/** What DuckDB reports of a line that is not JSON, or has values of other types. */
const NOT_READ = /^(Invalid Input|Conversion) Error/;

/**
 * Reads lines with DuckDB into a table, in their order: the row number alone then says where a line came from. Lines are read with
 * the types of the schema in one step, as they are in canonical form: ingest writes them so, and external ones are validated here.
 */
export function createBatchDecoder(
  connection: Connection,
  tempDir: string,
  validateExternal: ValidateExternal,
): BatchDecoder {
  const feed = new LineFeed(tempDir);
  let sequence = 0;

  async function decode(read: () => LogPieces): Promise<TypedRows> {
    const table = `memory.batch_${sequence++}`;
    try {
      const trusted = new Input(read(), (batch) => !batch.canonical, validateExternal);
      const found = await typed(table, trusted, (input) =>
        feed.run((path) => create(table, typedFileSql(quote(path), input.fields), input.runs), input.rest()),
      );
      if (found !== null) return found;
      // A record may lie about its form, so none is taken at its word. A text is read more leniently than a file, and more slowly.
      const checked = new Input(read(), () => true, validateExternal);
      const rows = await typed(table, checked, (input) => fill(table, input));
      if (rows !== null) return rows;
      throw new Error('lines that were validated could not be read');
    } catch (error) {
      await drop(table);
      throw error;
    }
  }

  const create = (table: string, rows: string, runs: readonly Run[]) =>
    connection.run(`CREATE OR REPLACE TABLE ${table} AS ${lineOrigins(runs).tableSql(rows)}`);

  /** Reads one buffer of lines after the other as texts of statements. */
  async function fill(table: string, input: Input): Promise<void> {
    const lines = `${table}_lines`;
    try {
      await connection.run(`CREATE OR REPLACE TABLE ${lines} AS ${typedLinesSql(quote(''), null)}`);
      for await (const buffers of input.rest())
        for (const text of buffers)
          await connection.run(`INSERT INTO ${lines} ${typedLinesSql(quote(text.toString()), null)}`);
      await create(table, `SELECT * FROM ${lines}`, input.runs);
    } finally {
      await connection.run(`DROP TABLE IF EXISTS ${lines}`);
    }
  }

  /** Null where a line is not in canonical form, whatever its record claims. `readMany`: reads lines that are too many for one statement. */
  async function typed(
    table: string,
    input: Input,
    readMany: (input: Input) => Promise<void>,
  ): Promise<TypedRows | null> {
    try {
      const text = await input.text();
      if (text === null) await readMany(input);
      else await create(table, typedLinesSql(quote(text), input.fields), input.runs);
    } catch (error) {
      if (!input.hasFailed && NOT_READ.test((error as Error).message)) return null;
      throw error;
    }
    const { lines, bad, doubtful } = await connection.row<{ lines: number; bad: number; doubtful: number }>(
      `SELECT count(*) AS lines, count(reason) AS bad, count_if(${doubtfulSql(input.maxReceivedAtMs)}) AS doubtful FROM ${table}`,
    );
    if (doubtful > 0 || lines !== sumCounts(input.sources)) return null;
    const { sources, maxReceivedAtMs, fields } = input;
    const columns = [
      'rowid AS "row"',
      parsedColumnsSql(fields),
      `(${EXCLUDED}) AS excluded`,
      lineOrigins(input.runs).columns,
    ];
    const rowsSql = `(SELECT ${columns.join(', ')} FROM ${table})`;
    return { lines, badLines: bad, sources, maxReceivedAtMs, table, rowsSql };
  }

  const drop = (table: string) => connection.run(`DROP TABLE IF EXISTS ${table}`);

  return { decode, release: ({ table }) => drop(table!) };
}

/** The lines of a batch on their way into a query, and what is known of them. */
class Input {
  readonly runs: Run[] = [];
  readonly sources: CountsBySource = {};
  maxReceivedAtMs = 0;
  readonly #fields = new Set<string>();
  #areFieldsKnown = true;
  /** Whether reading the lines has failed. */
  hasFailed = false;
  readonly #pieces: AsyncIterator<LogBatch[]> | Iterator<LogBatch[]>;
  readonly #isExternal: (batch: LogBatch) => boolean;
  readonly #validate: ValidateExternal;
  #last: LogBatch | undefined;
  #first: Buffer[] = [];

  constructor(pieces: LogPieces, isExternal: (batch: LogBatch) => boolean, validate: ValidateExternal) {
    this.#pieces =
      Symbol.asyncIterator in pieces ? pieces[Symbol.asyncIterator]() : pieces[Symbol.iterator]();
    this.#isExternal = isExternal;
    this.#validate = validate;
  }

  /** The fields that the lines have which were taken so far; null where it is not known of all of them. */
  get fields(): Fields {
    return this.#areFieldsKnown ? this.#fields : null;
  }

  /** All lines, where they are few; else null, and `rest` has them. */
  async text(): Promise<string | null> {
    let bytes = 0;
    for (;;) {
      const piece = await this.#next();
      if (piece === null) return Buffer.concat(this.#first).toString();
      for (const lines of piece) bytes += lines.length;
      if (bytes > STATEMENT_BYTES_MAX) {
        for (const lines of piece) this.#first.push(lines);
        return null;
      }
      // They are only valid until the next ones are asked for.
      for (const lines of piece) this.#first.push(Buffer.from(lines));
    }
  }

  async *rest(): AsyncGenerator<Buffer[]> {
    yield this.#first;
    this.#first = [];
    for (let piece = await this.#next(); piece !== null; piece = await this.#next()) yield piece;
  }

  async #next(): Promise<Buffer[] | null> {
    try {
      const { done, value } = await this.#pieces.next();
      if (done) return null;
      return value.map((batch) => this.#take(batch));
    } catch (error) {
      this.hasFailed = true;
      throw error;
    }
  }

  /** Notes where the lines of a batch came from; gives them in canonical form. */
  #take(batch: LogBatch): Buffer {
    const { partition, firstOffset, sharesOffset, lines, receivedAtMs, source } = batch;
    checkLines(batch);
    addCount(this.sources, source, lines);
    if (isOneRun(this.#last, batch)) this.runs.at(-1)!.lines += lines;
    else this.runs.push({ lines, partition, firstOffset, sharesOffset, receivedAtMs, source });
    this.maxReceivedAtMs = Math.max(this.maxReceivedAtMs, receivedAtMs);
    // Not its bytes, whose memory is used again.
    this.#last = batch;
    const isExternal = this.#isExternal(batch);
    if (isExternal || batch.fields === undefined) this.#areFieldsKnown = false;
    else for (const field of batch.fields) this.#fields.add(field);
    if (!isExternal) return batch.bytes;
    const bytes = this.#validate(batch);
    checkLines({ ...batch, bytes });
    return bytes;
  }
}

/** Offsets are derived from the numbers of the rows: a line more or less would shift all that follow. */
function checkLines({ bytes, lines, firstOffset }: LogBatch): void {
  let found = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) found++;
  if (found !== lines || bytes.at(-1) !== NEWLINE)
    throw new Error(`the log has ${found} lines from offset ${firstOffset} on, but should have ${lines}`);
}
