import pLimit from 'p-limit';
import { positionsAfter, type TypedBatch } from '../../decode/batch.ts';
import { COUNTED } from '../../decode/identity.ts';
import { addCount, type CountsBySource, type Offset } from '../../log/offset.ts';
import { MetricsError } from '../../telemetry/errors.ts';
import { type Aggregates, COUNTS } from '../aggregates.ts';
import { ofTime } from '../definition.ts';
import type { ArchiveReader, BatchEngine, MetricsLedger, RebuildRange, RebuildResult } from '../engine.ts';
import { passSql } from '../pass-sql.ts';
import { planOf } from '../plan.ts';
import type { WindowSize } from '../window.ts';
import { countsIn, countsSql } from './counts.ts';
import { type Connection, quote } from './database.ts';
import { DUCKDB_DIALECT } from './dialect.ts';
import { Merger, type Minutes, openFromAt } from './merge.ts';
import type { EngineOptions } from './options.ts';
import { ArchiveRecomputer, type Commit } from './recompute.ts';
import { eventsInputSql, linesInputSql, qualityInputSql } from './render.ts';
import { Compactor, checkpointState, emptyState, STATE } from './state.ts';
import { Tables } from './tables.ts';

/** What one row of the table `engine` holds. */
interface EngineState {
  version: number;
  maxReceivedAtMs: number;
  positions: Record<string, Offset>;
  ledger: MetricsLedger;
}

/** Batches of fewer lines cost more to plan than to run. */
const SMALL_LINES = 5_000;

/** What is known of a batch besides its aggregates. */
interface Counted {
  ledger: MetricsLedger;
  /** Times of its events and of its receipt; null where it has no lines. */
  minutes: Minutes | null;
}

/**
 * The metrics engine in this process. Each batch is one transaction of the state file: aggregates, marks of invalidated windows,
 * the ledger and the position move together or not at all. The state is a cache: it can be rebuilt from the
 * archive at any time.
 */
export class DuckDbEngine implements BatchEngine {
  readonly #connection: Connection;
  readonly #tables: Tables;
  readonly #timeZone: string;
  readonly #now: () => number;
  readonly #merger: Merger;
  readonly #recomputer: ArchiveRecomputer;
  readonly #compactor: Compactor;
  #stateId: string;
  #progress: EngineState;
  #invalidated: number;
  /** Generation of the database that the fields above were read in. */
  #generation: number;
  /** The state was replaced by an empty one while this ran, and has not been filled yet. */
  #isLost = false;
  readonly #oneByOne = pLimit(1);

  private constructor(options: EngineOptions, { id, progress, invalidated }: SavedState) {
    this.#stateId = id;
    this.#generation = options.connection.generation;
    this.#connection = options.connection;
    this.#tables = new Tables(planOf(options.catalogue));
    this.#timeZone = options.timeZone;
    this.#now = options.now;
    this.#merger = new Merger(options.connection, this.#tables, options.timeZone);
    this.#recomputer = new ArchiveRecomputer(options, this.#tables, this.#merger);
    this.#compactor = new Compactor(options.connection, this.#tables, options.compactRowsMin);
    this.#progress = progress;
    this.#invalidated = invalidated;
  }

  static async open(options: EngineOptions): Promise<DuckDbEngine> {
    return new DuckDbEngine(options, await readState(options.connection));
  }

  /** Identity of the state file: another one is made with a new id. */
  get stateId(): string {
    return this.#stateId;
  }

  /** Whether `restore` must look into it: the database was opened again, and the state may have been lost. */
  mustRestore(): boolean {
    return this.#isLost || this.#connection.generation !== this.#generation;
  }

  position(partition: number): Offset {
    return this.#progress.positions[partition] ?? 0;
  }

  isEmpty(): boolean {
    return Object.keys(this.#progress.positions).length === 0;
  }

  ledger(): MetricsLedger {
    return this.#progress.ledger;
  }

  invalidatedWindows(): number {
    return this.#invalidated;
  }

  maxReceivedAtMs(): number {
    return this.#progress.maxReceivedAtMs;
  }

  version(): number {
    return this.#progress.version;
  }

  /** First window starts that are hot, in minutes. */
  openFromMinutes(): Record<WindowSize, number> {
    return openFromAt(this.#progress.maxReceivedAtMs, this.#timeZone);
  }

  apply(batch: TypedBatch): Promise<void> {
    return this.#exclusive(() => this.#apply(batch));
  }

  recompute(archive: ArchiveReader, signal?: AbortSignal): Promise<number> {
    return this.#exclusive(async () => {
      if (this.#invalidated === 0) return 0;
      await this.#compact();
      await this.#recomputer.recompute(archive, this.#progress.positions, this.#commit, signal);
      this.#invalidated = await countInvalidated(this.#connection);
      return this.#invalidated;
    });
  }

  rebuild(archive: ArchiveReader, range: RebuildRange | null, diff: boolean): Promise<RebuildResult> {
    return this.#exclusive(async () => {
      if (this.#isLost)
        throw new MetricsError('The metrics are being filled from the archive. Try again when that is done.');
      for (const partition of archive.partitions()) {
        if (archive.position(partition) < this.position(partition)) {
          throw new Error(
            `the archive has not come as far as the metrics in partition ${partition}; try again later`,
          );
        }
      }
      const { positions } = this.#progress;
      if (!diff) await this.#compact();
      const result = await this.#recomputer.rebuild(archive, range, positions, diff ? null : this.#commit);
      if (!diff) this.#invalidated = await countInvalidated(this.#connection);
      return result;
    });
  }

  restore(archive: ArchiveReader, signal?: AbortSignal): Promise<boolean> {
    return this.#exclusive(async () => {
      const extent = archive.receivedExtentMs();
      if (!extent || !this.isEmpty()) {
        this.#isLost = false;
        return false;
      }
      await emptyState(this.#connection, this.#tables);
      const positions: Record<string, Offset> = {};
      for (const partition of archive.partitions()) positions[partition] = archive.position(partition);
      const archived = { ...archive.archived() };
      const maxReceivedAtMs = extent[1];
      const commit: Commit = (write) => {
        signal?.throwIfAborted();
        return this.#commit(write);
      };
      await this.#recomputer.rebuild(archive, null, positions, commit);
      const ledger = await this.#recomputer.ledger(archive, positions);
      const deleted = missingRows(archived, ledger);
      if (Object.keys(deleted).length > 0) ledger.deleted = deleted;
      const next: EngineState = { version: this.#nextVersion(), maxReceivedAtMs, positions, ledger };
      const invalidated = await this.#connection.transaction(async () => {
        await this.#save(next);
        return countInvalidated(this.#connection);
      });
      this.#progress = next;
      this.#invalidated = invalidated;
      this.#isLost = false;
      return true;
    });
  }

  async close(): Promise<void> {
    await this.#exclusive(() => checkpointState(this.#connection));
  }

  async #apply(batch: TypedBatch): Promise<void> {
    for (const { partition, start } of batch.ranges) {
      const at = this.position(partition);
      if (start !== at)
        throw new Error(
          `the batch starts at ${start} in partition ${partition}, but the metrics are at ${at}`,
        );
    }
    const maxReceivedAtMs = Math.max(this.#progress.maxReceivedAtMs, batch.maxReceivedAtMs);
    const openFrom = openFromAt(maxReceivedAtMs, this.#timeZone);
    // Before it, as a batch that is committed must not be reported as failed.
    await this.#compactor.beforeBatch(batch.lines, this.openFromMinutes());
    const { ledger, minutes } = await this.#count(batch);
    const hasClosed = minutes !== null && this.#merger.hasClosed(minutes, openFrom);
    const isSmall = batch.lines < SMALL_LINES;
    const aggregates = await this.#aggregates(batch, { isSmall, isReadAgain: hasClosed });
    const next: EngineState = {
      version: this.#nextVersion(),
      maxReceivedAtMs,
      positions: { ...this.#progress.positions, ...positionsAfter(batch.ranges) },
      ledger,
    };
    const invalidated = await this.#connection.transaction(async () => {
      const { version } = next;
      if (minutes !== null) await this.#merger.merge(aggregates, { minutes, openFrom, version, isSmall });
      await this.#save(next);
      if (!hasClosed) return this.#invalidated;
      await this.#markInvalidated(batch, next.version);
      return countInvalidated(this.#connection);
    });
    // Together: who sees the new position must not see the old number of invalidated windows.
    this.#progress = next;
    this.#invalidated = invalidated;
  }

  /** Aggregates of the events of a batch that count, and of its quality. */
  async #aggregates(
    batch: TypedBatch,
    { isSmall, isReadAgain }: { isSmall: boolean; isReadAgain: boolean },
  ): Promise<Aggregates> {
    if (batch.aggregates) return batch.aggregates;
    const rows = (where: string) => `(SELECT * FROM ${batch.rowsSql} WHERE ${where})`;
    const events = eventsInputSql(rows(`reason IS NULL AND ${COUNTED}`));
    let quality = qualityInputSql(rows('reason IS NOT NULL'), rows('reason IS NULL'));
    if (!isSmall) {
      // Few rows out of many.
      await this.#connection.run(`CREATE OR REPLACE TEMP TABLE input_quality AS FROM ${quality}`);
      quality = 'input_quality';
    }
    const inputs = { events, lines: linesInputSql(events), quality };
    const aggregates: Record<string, string> = {};
    for (const pass of this.#tables.plan.passes) {
      const query = passSql(pass, DUCKDB_DIALECT, inputs);
      const isTable = isReadAgain && ofTime(pass.input) === 'events';
      if (isTable) await this.#connection.run(`CREATE OR REPLACE TEMP TABLE pass_${pass.name} AS ${query}`);
      aggregates[pass.name] = isTable ? `pass_${pass.name}` : `(${query})`;
    }
    return aggregates;
  }

  /** Marks the closed windows of a version, which is that of the batch. */
  async #markInvalidated(batch: TypedBatch, version: number): Promise<void> {
    const ends = batch.ranges.map(({ partition, end }) => `(${end}, ${partition})`);
    await this.#connection.run(`INSERT INTO ${STATE}.dirty
      SELECT win, start, past, id, ${this.#now()}
      FROM (${this.#merger.closedWindows(version)}), (VALUES ${ends.join(', ')}) AS ends (past, id)`);
  }

  /** The ledger after a batch, and the times that it is about. */
  async #count(batch: TypedBatch): Promise<Counted> {
    const rows = await countsIn(
      this.#connection,
      batch.aggregates ? batch.aggregates[COUNTS] : countsSql(batch.rowsSql),
    );
    const ledger = structuredClone(this.#progress.ledger);
    let minutes = null as Minutes | null;
    for (const { state, source, n, low, high } of rows) {
      addCount(ledger[state], source, n);
      minutes = { low: Math.min(minutes?.low ?? low, low), high: Math.max(minutes?.high ?? high, high) };
    }
    for (const [source, lines] of Object.entries(batch.lost)) addCount(ledger.lost, source, lines);
    return { ledger, minutes };
  }

  /** Each step of a long work has a version of its own: a follower may ask between two of them. */
  readonly #commit: Commit = async (write) => {
    const version = this.#nextVersion();
    await this.#connection.transaction(async () => {
      await write(version);
      await this.#connection.run(`UPDATE ${STATE}.engine SET version = ${version}`);
    });
    this.#progress.version = version;
  };

  async #save(next: EngineState): Promise<void> {
    await this.#connection.run(`UPDATE ${STATE}.engine SET version = ${next.version}, frontier_ms = ${next.maxReceivedAtMs},
      positions = ${quote(JSON.stringify(next.positions))}, ledger = ${quote(JSON.stringify(next.ledger))}`);
  }

  #compact(): Promise<void> {
    return this.#compactor.compactGrown(this.openFromMinutes());
  }

  /** Versions only grow, also across a state that was lost: they follow the clock. */
  #nextVersion(): number {
    return Math.max(this.#progress.version + 1, this.#now());
  }

  /** Reads the state file again where the database was opened again: the last transaction may be in it, or not. */
  async #catchUp(): Promise<void> {
    await this.#connection.ready();
    const { generation } = this.#connection;
    if (generation === this.#generation) return;
    const { id, progress, invalidated } = await readState(this.#connection);
    if (id !== this.#stateId) this.#isLost = true;
    this.#stateId = id;
    this.#progress = progress;
    this.#invalidated = invalidated;
    this.#generation = generation;
  }

  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    return this.#oneByOne(async () => {
      await this.#catchUp();
      return work();
    });
  }
}

/** The row of the state file. */
interface SavedState {
  id: string;
  progress: EngineState;
  invalidated: number;
}

async function readState(connection: Connection): Promise<SavedState> {
  const row = await connection.row<{
    version: number;
    frontier_ms: number;
    positions: string;
    ledger: string;
    id: string;
  }>(`SELECT version, frontier_ms, positions, ledger, id FROM ${STATE}.engine`);
  const progress = {
    version: row.version,
    maxReceivedAtMs: row.frontier_ms,
    positions: JSON.parse(row.positions),
    ledger: { counted: {}, duplicate: {}, excluded: {}, bad: {}, lost: {}, ...JSON.parse(row.ledger) },
  };
  return { id: row.id, progress, invalidated: await countInvalidated(connection) };
}

/** Rows by source that were archived, but are not counted, as other programs have deleted them. */
function missingRows(archived: CountsBySource, ledger: MetricsLedger): CountsBySource {
  const { counted, duplicate, excluded, bad } = ledger;
  const missing = { ...archived };
  for (const counts of [counted, duplicate, excluded, bad])
    for (const [source, rows] of Object.entries(counts)) addCount(missing, source, -rows);
  return Object.fromEntries(Object.entries(missing).filter(([, rows]) => rows !== 0));
}

async function countInvalidated(connection: Connection): Promise<number> {
  const { n } = await connection.row<{ n: number }>(
    `SELECT count(*) AS n FROM (SELECT DISTINCT win, start FROM ${STATE}.dirty)`,
  );
  return n;
}
