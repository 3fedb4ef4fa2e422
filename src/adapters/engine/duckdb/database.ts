import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';

export interface DatabaseOptions {
  /** Folders that SQL may read and write; anything else on the machine is closed to it. */
  directories: string[];
  threads: number;
  /** Memory of DuckDB's buffer manager, in MiB; what does not fit goes to a temp file. */
  memoryMb: number;
  tempDir: string;
}

export type SqlRow = Record<string, unknown>;

/**
 * One DuckDB connection: its statements run one after the other, in the order of the calls. Long work and short
 * queries get different connections, so that a query never waits behind a batch.
 */
export class Connection {
  readonly #connection: DuckDBConnection;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(connection: DuckDBConnection) {
    this.#connection = connection;
  }

  /** Runs statements and returns nothing. */
  async run(sql: string): Promise<void> {
    await this.#next(() => this.#connection.run(sql));
  }

  /** Runs one query; 64-bit integers come as numbers, decimals and other rare types as strings. */
  async rows<T = SqlRow>(sql: string): Promise<T[]> {
    const reader = await this.#next(() => this.#connection.runAndReadAll(sql));
    return reader.getRowObjectsJS().map(plainRow) as T[];
  }

  /** The one row of a query that always gives one. */
  async row<T = SqlRow>(sql: string): Promise<T> {
    return (await this.rows<T>(sql))[0]!;
  }

  /** Runs `work` between BEGIN and COMMIT; rolls back when it throws. */
  async transaction<T>(work: () => Promise<T>): Promise<T> {
    await this.run('BEGIN TRANSACTION');
    try {
      const result = await work();
      await this.run('COMMIT');
      return result;
    } catch (error) {
      // A failed commit has rolled back already; then ROLLBACK itself fails, and the first error is what matters.
      await this.run('ROLLBACK').catch(() => {});
      throw error;
    }
  }

  close(): void {
    this.#connection.closeSync();
  }

  #next<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work, work);
    this.#tail = result.catch(() => {});
    return result;
  }
}

function plainRow(row: Record<string, unknown>): SqlRow {
  for (const key in row) if (typeof row[key] === 'bigint') row[key] = Number(row[key]);
  return row;
}

/** An in-memory DuckDB to which database files can be attached; settings are locked after the start. */
export class Database {
  readonly #instance: DuckDBInstance;
  readonly #main: Connection;

  private constructor(instance: DuckDBInstance, main: Connection) {
    this.#instance = instance;
    this.#main = main;
  }

  static async open(options: DatabaseOptions): Promise<Database> {
    const instance = await DuckDBInstance.create(':memory:', {
      threads: String(options.threads),
      memory_limit: `${options.memoryMb}MiB`,
      temp_directory: options.tempDir,
    });
    const main = new Connection(await instance.connect());
    const directories = options.directories.map(quote).join(', ');
    await main.run(`SET allowed_directories = [${directories}]`);
    await main.run(`SET TimeZone = 'UTC'`);
    await main.run('SET enable_progress_bar = false');
    // No statement needs the order of insertion; COPY then holds a sixth of the memory.
    await main.run('SET preserve_insertion_order = false');
    // Memory that is free goes back to the system soon, not only when more is asked for.
    await main.run('SET allocator_background_threads = true');
    await main.run('SET enable_external_access = false');
    return new Database(instance, main);
  }

  async connect(): Promise<Connection> {
    const connection = new Connection(await this.#instance.connect());
    await connection.run(`SET TimeZone = 'UTC'`);
    return connection;
  }

  async attach(file: string, name: string): Promise<void> {
    await this.#main.run(`ATTACH ${quote(file)} AS ${name}`);
  }

  async detach(name: string): Promise<void> {
    await this.#main.run(`DETACH ${name}`);
  }

  close(): void {
    this.#main.close();
    this.#instance.closeSync();
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
