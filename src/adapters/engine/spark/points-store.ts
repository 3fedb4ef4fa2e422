import { createHash } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CountsBySource, Offset } from '../../../domain/offset.ts';
import { hotFromMs, WINDOWS, type WindowSize } from '../../../domain/window.ts';
import type { Metric } from '../../../metrics/definition.ts';
import type { ArchiveReader, MetricsLedger, RebuildRange, RebuildResult } from '../../../ports/engine.ts';
import { Aggregator } from '../duckdb/aggregate.ts';
import { type Connection, Database, quote } from '../duckdb/database.ts';
import { ArchiveRecomputer, type Commit } from '../duckdb/recompute.ts';
import { createLimits, createState, Folder, STATE, STATE_VERSION, stateTables } from '../duckdb/state.ts';
import { DuckDbStore } from '../duckdb/store.ts';
import {
  type LedgerRow,
  type PointRecord,
  type Row,
  type SortedRecords,
  sortRecords,
} from './point-records.ts';
import { againSql, COLD, EXTRA_TABLES, LATER, newFile, newTables, takeSql } from './points-sql.ts';

export interface PointsStoreOptions {
  /** Folder of the state file; created. */
  dir: string;
  /** Folders of the archive, which SQL reads too. */
  archiveDirs: string[];
  catalogue: readonly Metric[];
  timeZone: string;
  /** The job that computes them: points of another are not used. */
  job: string;
  threads: number;
  memoryMb: number;
  now: () => number;
}

/** How long after its last point a window that Spark can't know whole is computed again: its lines are in the books by then. */
const AGAIN_AFTER_MS = 30_000;

interface Books {
  /** Next offset of each partition of the points topic. */
  topic: Record<string, Offset>;
  /** By partition of the log and source. */
  ledger: Record<string, Record<string, LedgerRow>>;
  /** What was before the job's first lines, from the archive. */
  base?: { offsets: Record<string, Offset>; ledger: MetricsLedger };
}

/**
 * Points that Spark has computed, in the same tables as those of the engine in this process, so that all questions have the
 * same answers. Points and the positions in their topic are written in one transaction. Windows that are cold are
 * computed here, from the archive.
 */
export class PointsStore {
  readonly store: DuckDbStore;
  /** What was found at the start; empty when all was well. */
  readonly message: string;
  readonly #options: PointsStoreOptions;
  readonly #database: Database;
  readonly #connection: Connection;
  readonly #queries: Connection[];
  readonly #recomputer: ArchiveRecomputer;
  readonly #folder: Folder;
  readonly #id: string;
  #books: Books;
  #version: number;
  #frontierMs: number;
  #dirty = 0;
  #tail: Promise<unknown> = Promise.resolve();

  private constructor(
    options: PointsStoreOptions,
    opened: { database: Database; connection: Connection; queries: Connection[]; message: string },
    row: { id: string; version: number; frontier_ms: number; ledger: string },
  ) {
    this.#options = options;
    this.message = opened.message;
    this.#database = opened.database;
    this.#connection = opened.connection;
    this.#queries = opened.queries;
    this.#id = row.id;
    this.#version = row.version;
    this.#frontierMs = row.frontier_ms;
    this.#books = { topic: {}, ledger: {}, ...(JSON.parse(row.ledger) as Partial<Books>) };
    const { catalogue, timeZone, now } = options;
    const engineOptions = { connection: this.#connection, catalogue, timeZone, now };
    this.#recomputer = new ArchiveRecomputer(engineOptions, new Aggregator(this.#connection, timeZone));
    this.#folder = new Folder(this.#connection, stateTables(catalogue));
    const self = this;
    const engine = {
      get stateId() {
        return self.#id;
      },
      version: () => self.#version,
      frontierMs: () => self.#frontierMs,
    };
    this.store = new DuckDbStore(this.#queries, engine, catalogue, timeZone);
  }

  static async open(options: PointsStoreOptions): Promise<PointsStore> {
    const { dir, archiveDirs, threads, memoryMb, catalogue } = options;
    const tempDir = join(dir, 'temp');
    await rm(tempDir, { recursive: true, force: true });
    await mkdir(tempDir, { recursive: true });
    const directories = [dir, ...archiveDirs].map((each) => `${each}/`);
    const database = await Database.open({ directories, threads, memoryMb, tempDir });
    const message = await openState(database, options);
    const connection = await database.connect();
    for (const sql of EXTRA_TABLES) await connection.run(sql);
    await createLimits(connection, catalogue);
    const row = await connection.row<{ id: string; version: number; frontier_ms: number; ledger: string }>(
      `SELECT id, version, frontier_ms, ledger FROM ${STATE}.engine`,
    );
    const queries = [await database.connect(), await database.connect()];
    const store = new PointsStore(options, { database, connection, queries, message }, row);
    store.#dirty = await store.#countDirty();
    return store;
  }

  /** Next offset to read of a partition of the points topic. */
  topicPosition(partition: number): Offset {
    return this.#books.topic[partition] ?? 0;
  }

  /** Offset after the last line of the log that the points have, as far as they were read. */
  position(partition: number): Offset {
    return Object.values(this.#books.ledger[partition] ?? {}).reduce(
      (most, { past }) => Math.max(most, past),
      this.#books.base?.offsets[partition] ?? 0,
    );
  }

  positions(): Record<string, Offset> {
    return Object.fromEntries(Object.keys(this.#books.ledger).map((id) => [id, this.position(Number(id))]));
  }

  ledger(): MetricsLedger {
    const none = { counted: {}, duplicate: {}, bad: {}, lost: {} };
    const ledger: MetricsLedger = structuredClone(this.#books.base?.ledger ?? none);
    for (const sources of Object.values(this.#books.ledger)) {
      for (const [source, row] of Object.entries(sources)) {
        for (const state of ['counted', 'duplicate', 'bad'] as const) add(ledger[state], source, row[state]);
      }
    }
    return ledger;
  }

  dirtyWindows(): number {
    return this.#dirty;
  }

  frontierMs(): number {
    return this.#frontierMs;
  }

  /** Takes records of a partition of the points topic, up to the offset `next`, in one transaction with that position. */
  take(partition: number, records: readonly PointRecord[], next: Offset): Promise<void> {
    return this.#exclusive(async () => {
      const sorted = sortRecords(records, this.#options.job);
      const dir = join(this.#options.dir, 'temp');
      const metrics = this.#options.catalogue.filter(
        ({ name }) => sorted.points.has(name) || sorted.histograms.has(name),
      );
      const tables = metrics.flatMap(newTables);
      for (const { table, metric, isHistogram } of tables) {
        const rows = (isHistogram ? sorted.histograms : sorted.points).get(metric.name) ?? [];
        await writeFile(newFile(dir, table), rows.map((row: Row) => `${JSON.stringify(row)}\n`).join(''));
      }
      const books = this.#nextBooks(partition, sorted, next);
      const frontierMs = sorted.ledger.reduce(
        (most, { row }) => Math.max(most, row.received_ms),
        this.#frontierMs,
      );
      const version = this.#nextVersion();
      await this.#connection.transaction(async () => {
        await this.#markDirty(sorted);
        const dueMs = this.#options.now() + AGAIN_AFTER_MS;
        for (const { table, metric, create } of tables) {
          await this.#connection.run(againSql(metric, dir, table, dueMs));
          await this.#connection.run(create(dir));
        }
        for (const metric of metrics)
          for (const sql of takeSql(metric, version)) await this.#connection.run(sql);
        await this.#connection.run(
          `UPDATE ${STATE}.engine SET version = ${version}, frontier_ms = ${frontierMs}, ledger = ${quote(JSON.stringify(books))}`,
        );
      });
      // Together: who sees the new position must not see the old number of dirty windows.
      const dirty = await this.#countDirty();
      this.#books = books;
      this.#version = version;
      this.#frontierMs = frontierMs;
      this.#dirty = dirty;
      await this.#fold();
    });
  }

  /** Whether `restore` has to be called for a job that began at these offsets. */
  lacksBase(): boolean {
    return this.#books.base === undefined;
  }

  /** Takes from the archive what a job can't know that began at these offsets. */
  restore(archive: ArchiveReader, offsets: Record<string, Offset>): Promise<void> {
    return this.#exclusive(async () => {
      const archived = Object.fromEntries(archive.partitions().map((id) => [id, archive.position(id)]));
      await this.#recomputer.rebuild(archive, null, archived, this.#commit);
      const ledger = await this.#recomputer.ledger(archive, offsets);
      const books = { ...this.#books, base: { offsets, ledger } };
      const text = quote(JSON.stringify(books));
      await this.#connection.run(`UPDATE ${STATE}.engine SET ledger = ${text}`);
      this.#books = books;
    });
  }

  /** Computes dirty windows from the archive, as far as that has come; gives how many are left. */
  repair(archive: ArchiveReader): Promise<number> {
    return this.#exclusive(async () => {
      await this.#connection.transaction(async () => {
        const due = `${LATER} WHERE due_ms <= ${this.#options.now()}`;
        for (const [id, past] of Object.entries(this.positions()))
          await this.#connection.run(
            `INSERT INTO ${STATE}.dirty SELECT DISTINCT win, start, ${past}, ${id}, ${this.#options.now()} FROM ${due}`,
          );
        await this.#connection.run(`DELETE FROM ${due}`);
      });
      await this.#recomputer.repair(archive, this.positions(), this.#commit);
      this.#dirty = await this.#countDirty();
      return this.#dirty;
    });
  }

  /** Computes all windows of the range from the archive; replaces them, or with `diff` only compares. */
  rebuild(archive: ArchiveReader, range: RebuildRange | null, diff: boolean): Promise<RebuildResult> {
    return this.#exclusive(async () => {
      for (const [id, past] of Object.entries(this.positions())) {
        if (archive.position(Number(id)) < past)
          throw new Error(
            `the archive has not come as far as the metrics in partition ${id}; try again later`,
          );
      }
      return this.#recomputer.rebuild(archive, range, this.positions(), diff ? null : this.#commit);
    });
  }

  async close(): Promise<void> {
    await this.#exclusive(async () => {
      await this.#connection.run(`CHECKPOINT ${STATE}`);
      for (const open of [this.#connection, ...this.#queries]) open.close();
      this.#database.close();
      await rm(join(this.#options.dir, 'temp'), { recursive: true, force: true });
    });
  }

  #nextBooks(partition: number, { ledger }: SortedRecords, next: Offset): Books {
    const books = structuredClone(this.#books);
    books.topic[partition] = next;
    for (const { partition: id, source, row } of ledger) {
      const sources = books.ledger[id] ?? {};
      books.ledger[id] = sources;
      // A batch that Spark has sent twice may come once more after a newer one.
      if (row.past >= (sources[source]?.past ?? 0)) sources[source] = row;
    }
    return books;
  }

  async #markDirty({ dirty }: SortedRecords): Promise<void> {
    if (dirty.length === 0) return;
    const marks = dirty.map(
      (mark) => `(${mark.win}, ${mark.start}, ${mark.past}, ${mark.partition}, ${this.#options.now()})`,
    );
    await this.#connection.run(`INSERT INTO ${STATE}.dirty VALUES ${marks.join(', ')}`);
    const windows = dirty.map(({ win, start }) => `(${win}, ${start})`);
    await this.#connection.run(
      `INSERT INTO ${COLD} SELECT DISTINCT col0, col1 FROM (VALUES ${windows.join(', ')}) WHERE (col0, col1) NOT IN (SELECT (win, start) FROM ${COLD})`,
    );
  }

  readonly #commit: Commit = async (write) => {
    const version = this.#nextVersion();
    await this.#connection.transaction(async () => {
      await write(version);
      await this.#connection.run(`UPDATE ${STATE}.engine SET version = ${version}`);
    });
    this.#version = version;
  };

  /** Versions only grow, also across a state that was lost: they follow the clock. */
  #nextVersion(): number {
    return Math.max(this.#version + 1, this.#options.now());
  }

  #fold(): Promise<void> {
    const hot = (size: WindowSize) => hotFromMs(size, this.#frontierMs, this.#options.timeZone) / 60_000;
    const hotFrom = Object.fromEntries(WINDOWS.map((size) => [size, hot(size)])) as Record<
      WindowSize,
      number
    >;
    return this.#folder.foldGrown(hotFrom, this.#frontierMs);
  }

  async #countDirty(): Promise<number> {
    const marks = `SELECT win, start FROM ${STATE}.dirty UNION SELECT win, start FROM ${LATER}`;
    return (await this.#connection.row<{ n: number }>(`SELECT count(*) AS n FROM (${marks})`)).n;
  }

  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work, work);
    this.#tail = result.catch(() => {});
    return result;
  }
}

function add(counts: CountsBySource, source: string, n: number): void {
  counts[source] = (counts[source] ?? 0) + n;
}

/** Attaches the state file, a new one where there is none, it does not open, or it is of something else. */
async function openState(database: Database, options: PointsStoreOptions): Promise<string> {
  const file = join(options.dir, 'points.duckdb');
  const { job, timeZone, catalogue } = options;
  const wanted = createHash('sha256')
    .update(JSON.stringify([STATE_VERSION, job, timeZone, catalogue]))
    .digest('hex');
  let message = '';
  try {
    await database.attach(file, STATE);
    const connection = await database.connect();
    try {
      const { n } = await connection.row<{ n: number }>(
        `SELECT count(*) AS n FROM duckdb_tables() WHERE database_name = '${STATE}' AND table_name = 'engine'`,
      );
      const found =
        n === 0
          ? null
          : (await connection.row<{ catalogue: string }>(`SELECT catalogue FROM ${STATE}.engine`)).catalogue;
      if (found === wanted) return '';
      if (found !== null)
        message = 'The points are of other definitions, another log or another time zone: reading them anew.';
    } finally {
      connection.close();
    }
    await database.detach(STATE);
  } catch (error) {
    message = `The points did not open (${error instanceof Error ? error.message.split('\n')[0] : error}): reading them anew.`;
  }
  for (const path of [file, `${file}.wal`]) await rm(path, { force: true });
  await database.attach(file, STATE);
  const connection = await database.connect();
  await createState(connection, stateTables(catalogue), wanted);
  connection.close();
  return message;
}
