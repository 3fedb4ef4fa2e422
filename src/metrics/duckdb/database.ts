import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import pLimit from 'p-limit';
import { sleep } from '../../system/sleep.ts';
import { MetricsError } from '../../telemetry/errors.ts';

export interface DatabaseOptions {
  /** Folders that SQL may read and write; anything else on the machine is closed to it. */
  directories: string[];
  threads: number;
  /** Memory of DuckDB's buffer manager, in MiB; what does not fit goes to a temp file. */
  memoryMb: number;
  tempDir: string;
  /** Runs each statement; for tests that let some fail. */
  intercept?: Intercept | undefined;
}

export type Intercept = <T>(sql: string, run: () => Promise<T>) => Promise<T>;

export type SqlRow = Record<string, unknown>;

/** After one of these errors DuckDB does nothing more, or answers from a file that is damaged: it must be opened again. */
const MUST_REOPEN = /^FATAL Error|database has been invalidated|Corrupt database file/;

/** A statement may begin in its thread after it was told to end. */
const INTERRUPT_AGAIN_MS = 20;
/** One that has not ended by then is not waited for. */
const INTERRUPT_MS_MAX = 5000;

/** What a connection runs its statements on. */
interface Host {
  /** Resolves when statements can run; opens the database again where it has failed. `state`: with the attached file. */
  ready(state: boolean): Promise<void>;
  /** Counts the statement as running; gives its connection. */
  run<T>(connection: Connection, work: (raw: DuckDBConnection) => Promise<T>, sql: string): Promise<T>;
  readonly generation: number;
  release(connection: Connection): void;
}

/**
 * One DuckDB connection: its statements run one after the other, in the order of the calls. Long work and short
 * queries get different connections, so that a query never waits behind a batch.
 */
export class Connection {
  readonly #host: Host;
  readonly #usesState: boolean;
  readonly #oneByOne = pLimit(1);
  /** Generation of the database in which the transaction began; null outside of one. */
  #transactionIn: number | null = null;

  constructor(host: Host, usesState: boolean) {
    this.#host = host;
    this.#usesState = usesState;
  }

  /** Grows when the database was opened again: temp tables are gone then, and the last transaction may be. */
  get generation(): number {
    return this.#host.generation;
  }

  /** Resolves when statements can run again after the database has failed. */
  ready(): Promise<void> {
    return this.#host.ready(this.#usesState);
  }

  /** Runs statements and returns nothing. */
  async run(sql: string): Promise<void> {
    await this.#next((raw) => raw.run(sql), sql);
  }

  /** Runs one query; 64-bit integers come as numbers, decimals and other rare types as strings. */
  async rows<T = SqlRow>(sql: string): Promise<T[]> {
    const reader = await this.#next((raw) => raw.runAndReadAll(sql), sql);
    return reader.getRowObjectsJS().map(plainRow) as T[];
  }

  /** The one row of a query that always gives one. */
  async row<T = SqlRow>(sql: string): Promise<T> {
    return (await this.rows<T>(sql))[0]!;
  }

  /** Runs `work` between BEGIN and COMMIT; rolls back when it throws. */
  async transaction<T>(work: () => Promise<T>): Promise<T> {
    await this.run('BEGIN TRANSACTION');
    this.#transactionIn = this.generation;
    try {
      const result = await work();
      await this.run('COMMIT');
      return result;
    } catch (error) {
      // A failed commit has rolled back already; then ROLLBACK itself fails, and the first error is what matters.
      await this.run('ROLLBACK').catch(() => {});
      throw error;
    } finally {
      this.#transactionIn = null;
    }
  }

  close(): void {
    this.#host.release(this);
  }

  #next<T>(work: (raw: DuckDBConnection) => Promise<T>, sql: string): Promise<T> {
    return this.#oneByOne(async () => {
      // The rest of a transaction must not run outside of it.
      if (this.#transactionIn === null) await this.ready();
      else if (this.#transactionIn !== this.generation)
        throw new Error('the database was opened again meanwhile');
      return this.#host.run(this, work, sql);
    });
  }
}

function plainRow(row: Record<string, unknown>): SqlRow {
  for (const key in row) if (typeof row[key] === 'bigint') row[key] = Number(row[key]);
  return row;
}

/** What `openState` needs of a database. */
export interface AttachTarget {
  connect(): Promise<Connection>;
  attach(file: string, name: string): Promise<void>;
  detach(name: string): Promise<void>;
}

/**
 * An in-memory DuckDB to which database files can be attached; settings are locked after the start. DuckDB gives up after a failed
 * fsync, in memory too. Then the next statement opens it again: connections go on on a new instance, without temp
 * tables.
 */
export class Database implements AttachTarget {
  readonly #options: DatabaseOptions;
  #instance!: DuckDBInstance;
  #main!: DuckDBConnection;
  /** Null while the database is being opened again. */
  readonly #raw = new Map<Connection, DuckDBConnection | null>();
  readonly #host: Host;
  #generation = 0;
  #running = 0;
  #onIdle: (() => void)[] = [];
  #isClosed = false;
  #failure: unknown = null;
  #opening: Promise<void> | undefined;
  /** Attaches the file, again after each opening. */
  #openState: ((target: AttachTarget) => Promise<void>) | undefined;
  #isStateOpen = false;
  #openingState: Promise<void> | undefined;

  private constructor(options: DatabaseOptions) {
    this.#options = options;
    const database = this;
    this.#host = {
      get generation() {
        return database.#generation;
      },
      ready: (state) => this.#ready(state),
      run: (connection, work, sql) => this.#run(connection, work, sql),
      release: (connection) => this.#release(connection),
    };
  }

  static async open(options: DatabaseOptions): Promise<Database> {
    const database = new Database(options);
    await database.#open();
    return database;
  }

  /** A connection; with `state` its statements wait until the attached file is open. */
  async connect({ state = false } = {}): Promise<Connection> {
    return this.#add(new Connection(this.#host, state));
  }

  /** Attaches a file by `open`, now and whenever the database was opened again. */
  async keepState(open: (target: AttachTarget) => Promise<void>): Promise<void> {
    this.#openState = open;
    await this.#ready(true);
  }

  async attach(file: string, name: string): Promise<void> {
    await this.#main.run(`ATTACH ${quote(file)} AS ${name}`);
  }

  async detach(name: string): Promise<void> {
    await this.#main.run(`DETACH ${name}`);
  }

  /**
   * Ends what runs, and waits for that: a statement goes on in a thread of its own, which would hold up the end of the process. Nothing
   * new runs from now on. What can't be ended, as the disk does not answer, stays open.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#opening?.catch(() => {});
    const giveUpAtMs = performance.now() + INTERRUPT_MS_MAX;
    while (this.#running > 0 && performance.now() < giveUpAtMs) {
      for (const raw of this.#raw.values()) raw?.interrupt();
      await Promise.race([this.#idle(), sleep(INTERRUPT_AGAIN_MS)]);
    }
    if (this.#running === 0) this.#closeAll();
  }

  #closeAll(): void {
    for (const [connection, raw] of this.#raw) {
      raw?.closeSync();
      this.#raw.set(connection, null);
    }
    this.#main.closeSync();
    this.#instance.closeSync();
  }

  /** Resolves when no statement runs. */
  #idle(): Promise<void> {
    if (this.#running === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  async #open(): Promise<void> {
    const { threads, memoryMb, tempDir, directories } = this.#options;
    const instance = await DuckDBInstance.create(':memory:', {
      threads: String(threads),
      memory_limit: `${memoryMb}MiB`,
      temp_directory: tempDir,
    });
    const main = await instance.connect();
    await main.run(`SET allowed_directories = [${directories.map(quote).join(', ')}]`);
    await main.run(`SET TimeZone = 'UTC'`);
    await main.run('SET enable_progress_bar = false');
    // Batches go to the WAL first: with the default of 16 MiB a large one would rewrite its tables each time.
    await main.run("SET checkpoint_threshold = '128MiB'");
    // Memory that is free goes back to the system soon, not only when more is asked for.
    await main.run('SET allocator_background_threads = true');
    await main.run('SET enable_external_access = false');
    this.#instance = instance;
    this.#main = main;
  }

  async #add(connection: Connection): Promise<Connection> {
    const raw = await this.#instance.connect();
    await raw.run(`SET TimeZone = 'UTC'`);
    this.#raw.set(connection, raw);
    return connection;
  }

  #release(connection: Connection): void {
    this.#raw.get(connection)?.closeSync();
    this.#raw.delete(connection);
  }

  async #run<T>(
    connection: Connection,
    work: (raw: DuckDBConnection) => Promise<T>,
    sql: string,
  ): Promise<T> {
    const raw = this.#raw.get(connection);
    if (!raw || this.#isClosed) throw new Error('the connection is closed');
    const { intercept } = this.#options;
    this.#running++;
    try {
      return await (intercept ? intercept(sql, () => work(raw)) : work(raw));
    } catch (error) {
      const { message } = error as Error;
      if (!MUST_REOPEN.test(message)) throw error;
      this.#failure ??= error;
      throw new MetricsError(`DuckDB failed and is opened again: ${message.split('\n')[0]}`, {
        cause: error,
      });
    } finally {
      if (--this.#running === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
    }
  }

  async #ready(state: boolean, isAgain = false): Promise<void> {
    while (this.#failure !== null || this.#opening) {
      this.#opening ??= this.#reopen().finally(() => {
        this.#opening = undefined;
      });
      await this.#opening;
    }
    const open = this.#openState;
    if (!state || this.#isStateOpen || !open) return;
    const { generation } = this.#host;
    this.#openingState ??= open(this.#target())
      .then(() => {
        this.#isStateOpen = true;
      })
      .finally(() => {
        this.#openingState = undefined;
      });
    try {
      await this.#openingState;
    } catch (error) {
      // A file that is damaged may take the database down: with a new one in its place it opens.
      if (this.#failure === null || isAgain) throw error;
      return this.#ready(state, true);
    }
    // It may have failed at the end.
    if (this.#failure !== null || this.#generation !== generation) return this.#ready(state, isAgain);
  }

  /** Connections that wait for nothing: they are what is waited for. */
  #target(): AttachTarget {
    const host = { ...this.#host, generation: this.#generation, ready: async () => {} };
    return {
      connect: () => this.#add(new Connection(host, false)),
      attach: (file, name) => this.attach(file, name),
      detach: (name) => this.detach(name),
    };
  }

  async #reopen(): Promise<void> {
    // A connection must not be closed under a statement.
    await this.#idle();
    if (this.#isClosed) throw new Error('the database is closed');
    this.#isStateOpen = false;
    this.#closeAll();
    await this.#open();
    for (const connection of this.#raw.keys()) await this.#add(connection);
    this.#generation++;
    this.#failure = null;
  }
}

/** A text as an SQL string literal. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A name as a quoted SQL identifier. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function stringList(texts: readonly string[]): string {
  return `[${texts.map(quote).join(', ')}]`;
}
