import type { BatchDecoder, LogPieces, TypedRows } from '../../decode/batch.ts';
import { EXCLUDED } from '../../decode/identity.ts';
import { isOneRun, type LogBatch } from '../../log/event-log.ts';
import { addCount, type CountsBySource, sumCounts } from '../../log/offset.ts';
import { type Connection, identifier, quote } from './database.ts';
import { LineFeed } from './line-feed.ts';
import { LineOrigins, type Run } from './line-origins.ts';
import {
  doubtfulSql,
  lineTextSql,
  PARSED_COLUMNS,
  parseSql,
  typedFileSql,
  typedLinesSql,
} from './schema-sql.ts';

/** So few bytes go into the statement itself. */
const STATEMENT_BYTES_MAX = 128 * 1024;
const NEWLINE = 0x0a;

/** What DuckDB reports of a line that is not JSON, or has values of other types. */
const NOT_READ = /^(Invalid Input|Conversion) Error/;

/** Thrown where a line is not in canonical form; one instance, as it is no error. */
const NOT_CANONICAL = new Error('not canonical');

/**
 * Reads lines with DuckDB into a table, in their order: the row number alone then says where a line came from. Canonical
 * lines, which is what ingest writes, are read with the types of the schema in one step. Others, of a topic that other
 * programs write or a log of an older version, are read as texts and validated by SQL.
 */
export function createBatchDecoder(connection: Connection, tempDir: string, timeZone: string): BatchDecoder {
  const feed = new LineFeed(tempDir);
  let sequence = 0;

  async function decode(read: () => LogPieces): Promise<TypedRows> {
    const table = `memory.batch_${sequence++}`;
    try {
      return (await typed(table, read())) ?? (await validated(table, read()));
    } catch (error) {
      await drop(table);
      throw error;
    }
  }

  /** Null where a line is not in canonical form, whatever its record claims. */
  async function typed(table: string, pieces: LogPieces): Promise<TypedRows | null> {
    const input = new Input(pieces, true);
    const create = (rows: string) => connection.run(`CREATE OR REPLACE TABLE ${table} AS ${rows}`);
    try {
      const text = await input.text();
      if (text === null) await feed.run((path) => create(typedFileSql(quote(path))), input.rest());
      else await create(typedLinesSql(quote(text)));
    } catch (error) {
      // A record may lie about its form, and DuckDB does not read it then.
      if (error === NOT_CANONICAL || (!input.hasFailed && NOT_READ.test((error as Error).message)))
        return null;
      throw error;
    }
    const { lines, bad, doubtful } = await connection.row<{ lines: number; bad: number; doubtful: number }>(
      `SELECT count(*) AS lines, count(reason) AS bad, count_if(${doubtfulSql(input.maxReceivedAtMs)}) AS doubtful FROM ${table}`,
    );
    if (doubtful > 0 || lines !== sumCounts(input.sources)) return null;
    return decoded(table, input, bad, await originsOf(table, input));
  }

  async function validated(table: string, pieces: LogPieces): Promise<TypedRows> {
    const input = new Input(pieces, false);
    const texts = `${table}_texts`;
    try {
      const create = (rows: string) => connection.run(`CREATE OR REPLACE TABLE ${texts} AS ${rows}`);
      const text = await input.text();
      if (text === null) await feed.run((path) => create(lineTextSql(quote(path))), input.rest());
      else
        await create(
          `SELECT line FROM (SELECT unnest(string_split(${quote(text)}, chr(10))) AS line) WHERE line <> ''`,
        );
      const { n } = await connection.row<{ n: number }>(`SELECT count(*) AS n FROM ${texts}`);
      const expected = sumCounts(input.sources);
      if (n !== expected) {
        const { partition, firstOffset } = input.runs[0]!;
        throw new Error(
          `decoded ${n} lines from offset ${firstOffset} of partition ${partition} on, but the log has ${expected}`,
        );
      }
      const origins = await originsOf(table, input);
      const validate = (isCareful: boolean) =>
        connection.run(
          `CREATE OR REPLACE TABLE ${table} AS ${parseSql(origins.of(texts, 'line'), timeZone, isCareful)}`,
        );
      await validate(false).catch(() => validate(true));
      const { bad } = await connection.row<{ bad: number }>(`SELECT count(reason) AS bad FROM ${table}`);
      return decoded(table, input, bad, origins);
    } finally {
      await connection.run(`DROP TABLE IF EXISTS ${texts}`);
    }
  }

  function decoded(table: string, input: Input, badLines: number, origins: LineOrigins): TypedRows {
    const { sources, maxReceivedAtMs } = input;
    const columns = PARSED_COLUMNS.map(identifier).join(', ');
    return {
      lines: sumCounts(sources),
      badLines,
      sources,
      maxReceivedAtMs,
      table,
      rowsSql: origins.of(table, `${columns}, (${EXCLUDED}) AS excluded`),
    };
  }

  async function originsOf(table: string, { runs }: Input): Promise<LineOrigins> {
    const origins = new LineOrigins(runs, originsTable(table));
    if (origins.createSql !== null) await connection.run(origins.createSql);
    return origins;
  }

  const drop = (table: string) =>
    connection.run(`DROP TABLE IF EXISTS ${table}; DROP TABLE IF EXISTS ${originsTable(table)}`);

  return { decode, release: ({ table }) => drop(table!) };
}

const originsTable = (table: string) => `${table}_origins`;

/** The lines of a batch on their way into a query, and what is known of them. */
class Input {
  readonly runs: Run[] = [];
  readonly sources: CountsBySource = {};
  maxReceivedAtMs = 0;
  /** Whether reading the lines has failed. */
  hasFailed = false;
  readonly #pieces: AsyncIterator<LogBatch[]> | Iterator<LogBatch[]>;
  readonly #mustBeCanonical: boolean;
  #last: LogBatch | undefined;
  #first: Buffer[] = [];

  constructor(pieces: LogPieces, mustBeCanonical: boolean) {
    this.#pieces =
      Symbol.asyncIterator in pieces ? pieces[Symbol.asyncIterator]() : pieces[Symbol.iterator]();
    this.#mustBeCanonical = mustBeCanonical;
  }

  /** All lines, where they are few; else null, and `rest` has them. */
  async text(): Promise<string | null> {
    let bytes = 0;
    for (;;) {
      const piece = await this.#next();
      if (piece === null) return Buffer.concat(this.#first).toString();
      for (const batch of piece) bytes += batch.bytes.length;
      if (bytes > STATEMENT_BYTES_MAX) {
        for (const batch of piece) this.#first.push(batch.bytes);
        return null;
      }
      // They are only valid until the next ones are asked for.
      for (const batch of piece) this.#first.push(Buffer.from(batch.bytes));
    }
  }

  async *rest(): AsyncGenerator<Buffer[]> {
    yield this.#first;
    this.#first = [];
    for (let piece = await this.#next(); piece !== null; piece = await this.#next())
      yield piece.map(({ bytes }) => bytes);
  }

  async #next(): Promise<LogBatch[] | null> {
    try {
      const { done, value } = await this.#pieces.next();
      if (done) return null;
      for (const batch of value) this.#note(batch);
      return value;
    } catch (error) {
      this.hasFailed = true;
      throw error;
    }
  }

  #note(batch: LogBatch): void {
    const { partition, firstOffset, sharesOffset, lines, receivedAtMs, source, canonical } = batch;
    if (this.#mustBeCanonical && !canonical) throw NOT_CANONICAL;
    checkLines(batch);
    addCount(this.sources, source, lines);
    if (isOneRun(this.#last, batch)) this.runs.at(-1)!.lines += lines;
    else this.runs.push({ lines, partition, firstOffset, sharesOffset, receivedAtMs, source });
    this.maxReceivedAtMs = Math.max(this.maxReceivedAtMs, receivedAtMs);
    // Not its bytes, whose memory is used again.
    this.#last = batch;
  }
}

/** Offsets are derived from the numbers of the rows: a line more or less would shift all that follow. */
function checkLines({ bytes, lines, firstOffset }: LogBatch): void {
  let found = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) found++;
  if (found !== lines || bytes.at(-1) !== NEWLINE)
    throw new Error(`the log has ${found} lines from offset ${firstOffset} on, but should have ${lines}`);
}
