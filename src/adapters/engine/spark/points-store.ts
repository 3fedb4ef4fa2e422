import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { CountsBySource, Offset, Positions } from '../../../domain/offset.ts';
import { hotFromMs, WINDOWS, type WindowSize } from '../../../domain/window.ts';
import { DISTINCT_ERROR, type Metric } from '../../../metrics/definition.ts';
import type { ArchiveReader, MetricsLedger, RebuildRange, RebuildResult } from '../../../ports/engine.ts';
import { Aggregator } from '../duckdb/aggregate.ts';
import { type Connection, Database, quote } from '../duckdb/database.ts';
import { openState } from '../duckdb/open-state.ts';
import { ArchiveRecomputer, type Commit } from '../duckdb/recompute.ts';
import { createLimits, Folder, STATE, stateTables } from '../duckdb/state.ts';
import { DuckDbStore } from '../duckdb/store.ts';
import type { JobStart } from './make-job.ts';
import { type LedgerRow, type PointRecord, type SortedRecords, sortRecords } from './point-records.ts';
import { againSql, COLD, EXTRA_TABLES, LATER, newTables, takeSql, writeNew } from './points-sql.ts';
import { type Computed, type Exclusive, takeComputed } from './take-computed.ts';

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
  base?: {
    offsets: Record<string, Offset>;
    ledger: MetricsLedger;
    /** Lines that the job has counted, and that repeat some of before. */
    duplicates: CountsBySource;
  };
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
    const aggregator = new Aggregator(this.#connection, timeZone);
    // Two estimates of one number: each has its error.
    this.#recomputer = new ArchiveRecomputer(engineOptions, aggregator, 2 * DISTINCT_ERROR);
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
    const message = await openState(database, join(dir, 'points.duckdb'), {
      identity: [options.job, options.timeZone],
      catalogue,
      other:
        'The points are of other definitions, another log or another time zone: Spark begins anew, and what the log no longer has comes from the archive.',
      broken: (reason) => `The points did not open (${reason}): reading them anew.`,
    });
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

  positions(): Positions {
    const { ledger, base } = this.#books;
    const ids = Object.keys({ ...ledger, ...base?.offsets });
    return Object.fromEntries(ids.map((id) => [id, this.position(Number(id))]));
  }

  /** A partition in which the archive has not come as far as the points. */
  aheadOf(archive: ArchiveReader): string | undefined {
    return Object.entries(this.positions()).find(([id, past]) => archive.position(Number(id)) < past)?.[0];
  }

  /** The positions of the points; throws where the archive has not come as far. */
  positionsIn(archive: ArchiveReader): Positions {
    const id = this.aheadOf(archive);
    if (id !== undefined)
      throw new Error(`the archive has not come as far as the metrics in partition ${id}; try again later`);
    return this.positions();
  }

  ledger(): MetricsLedger {
    const none = { counted: {}, duplicate: {}, bad: {}, lost: {} };
    const ledger: MetricsLedger = structuredClone(this.#books.base?.ledger ?? none);
    for (const sources of Object.values(this.#books.ledger)) {
      for (const [source, row] of Object.entries(sources)) {
        for (const state of ['counted', 'duplicate', 'bad'] as const) add(ledger[state], source, row[state]);
      }
    }
    for (const [source, n] of Object.entries(this.#books.base?.duplicates ?? {})) {
      add(ledger.counted, source, -n);
      add(ledger.duplicate, source, n);
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
      const dir = this.tempDir;
      const metrics = this.#options.catalogue.filter(({ name }) => sorted.points.has(name));
      const tables = metrics.flatMap((metric) => newTables(metric));
      await writeNew(dir, tables, sorted);
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

  /** Takes from the archive what a job can't know that began at these offsets. When `signal` aborts it rejects soon. */
  restore(archive: ArchiveReader, offsets: Positions, signal: AbortSignal): Promise<void> {
    return this.#exclusive(async () => {
      const archived = Object.fromEntries(archive.partitions().map((id) => [id, archive.position(id)]));
      const commit: Commit = (write) => {
        signal.throwIfAborted();
        return this.#commit(write);
      };
      await this.#recomputer.rebuild(archive, null, archived, commit);
      const ledger = await this.#recomputer.ledger(archive, offsets);
      // No further than the archive is, or who waits for it to come as far as the points might wait for ever.
      const within = Object.entries(offsets).map(([id, at]) => [
        id,
        Math.min(at, archive.position(Number(id))),
      ]);
      await this.#saveBase({ offsets: Object.fromEntries(within), ledger, duplicates: {} });
    });
  }

  /**
   * Takes from the archive what a job can't know of the time after its start: what was bad or a duplicate in the windows of
   * that time, and how many of the lines that it has counted are duplicates of lines before its first.
   */
  refresh(archive: ArchiveReader, { offsets, fromMs }: JobStart, toMs: number): Promise<void> {
    return this.#exclusive(async () => {
      const positions = this.positionsIn(archive);
      const result = { windows: 0, differences: 0, examples: [] };
      await this.#recomputer.rebuildQuality(archive, { fromMs, toMs }, positions, this.#commit, result);
      const read = { fromMs, toMs: Math.max(fromMs, this.#frontierMs) + 1 };
      const all = await this.#recomputer.ledger(archive, positions, read);
      const before = await this.#recomputer.ledger(archive, offsets, read);
      const duplicates: CountsBySource = {};
      for (const [source, n] of Object.entries(all.duplicate))
        add(duplicates, source, n - (before.duplicate[source] ?? 0));
      for (const sources of Object.values(this.#books.ledger))
        for (const [source, row] of Object.entries(sources)) add(duplicates, source, -row.duplicate);
      const { base } = this.#books;
      await this.#saveBase({ ...base!, ledger: { ...base!.ledger, lost: archive.lost() }, duplicates });
    });
  }

  async #saveBase(base: NonNullable<Books['base']>): Promise<void> {
    const books = { ...this.#books, base };
    await this.#connection.run(`UPDATE ${STATE}.engine SET ledger = ${quote(JSON.stringify(books))}`);
    this.#books = books;
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
    return this.#exclusive(async () =>
      this.#recomputer.rebuild(archive, range, this.positionsIn(archive), diff ? null : this.#commit),
    );
  }

  /** Version of the newest points. */
  version(): number {
    return this.#version;
  }

  /** See `takeComputed`. */
  takeComputed(computed: Computed): ReturnType<typeof takeComputed> {
    const { catalogue, timeZone } = this.#options;
    const [connection, commit] = [this.#connection, this.#commit];
    const exclusive: Exclusive = (work) => this.#exclusive(work);
    const store = { connection, catalogue, timeZone, tempDir: this.tempDir, exclusive, commit };
    return takeComputed(store, computed);
  }

  async close(): Promise<void> {
    await this.#exclusive(async () => {
      await this.#connection.run(`CHECKPOINT ${STATE}`);
      for (const open of [this.#connection, ...this.#queries]) open.close();
      this.#database.close();
      await rm(this.tempDir, { recursive: true, force: true });
    });
  }

  /** Folder for files on their way; emptied at the next start. */
  get tempDir(): string {
    return join(this.#options.dir, 'temp');
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
