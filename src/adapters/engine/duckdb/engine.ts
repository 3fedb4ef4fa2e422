import { addCount, type CountsBySource, type Offset } from '../../../domain/offset.ts';
import { hotFromMs, WINDOWS, type WindowSize } from '../../../domain/window.ts';
import { DISTINCT_EXACT_MAX, DUPLICATE_WITHIN_MS } from '../../../metrics/definition.ts';
import { type ParsedBatch, positionsAfter } from '../../../ports/batch.ts';
import type {
  ArchiveReader,
  BatchEngine,
  MetricsLedger,
  RebuildRange,
  RebuildResult,
} from '../../../ports/engine.ts';
import { Aggregator, mergeSketchesSql, noteLimitsSql, writePointsSql } from './aggregate.ts';
import { type Connection, quote } from './database.ts';
import type { EngineOptions } from './options.ts';
import { ArchiveRecomputer, type Commit } from './recompute.ts';
import { distinctValues, eventsInputSql, pointsTable, qualityInputSql, windowIndex } from './render.ts';
import { createLimits, Folder, STATE, stateTables } from './state.ts';

/** What one row of the table `engine` holds. */
interface Progress {
  version: number;
  frontierMs: number;
  positions: Record<string, Offset>;
  ledger: MetricsLedger;
}

/**
 * The metrics engine in this process. Each batch is one transaction of the state file: sketches, points, dirty marks,
 * ids seen, the ledger and the position move together or not at all. The state is a cache: it can be rebuilt from the
 * archive at any time.
 */
export class DuckDbEngine implements BatchEngine {
  /** Identity of the state file: another one is made with a new id. */
  readonly stateId: string;
  readonly #connection: Connection;
  readonly #catalogue: EngineOptions['catalogue'];
  readonly #timeZone: string;
  readonly #now: () => number;
  readonly #aggregator: Aggregator;
  readonly #recomputer: ArchiveRecomputer;
  readonly #folder: Folder;
  #progress: Progress;
  #dirty: number;
  #tail: Promise<unknown> = Promise.resolve();

  private constructor(options: EngineOptions, stateId: string, progress: Progress, dirty: number) {
    this.stateId = stateId;
    this.#connection = options.connection;
    this.#catalogue = options.catalogue;
    this.#timeZone = options.timeZone;
    this.#now = options.now;
    this.#aggregator = new Aggregator(options.connection, options.timeZone);
    this.#recomputer = new ArchiveRecomputer(options, this.#aggregator);
    this.#folder = new Folder(options.connection, stateTables(options.catalogue), options.foldRowsMin);
    this.#progress = progress;
    this.#dirty = dirty;
  }

  static async open(options: EngineOptions): Promise<DuckDbEngine> {
    const row = await options.connection.row<{
      version: number;
      frontier_ms: number;
      positions: string;
      ledger: string;
      id: string;
    }>(`SELECT version, frontier_ms, positions, ledger, id FROM ${STATE}.engine`);
    await createLimits(options.connection, options.catalogue);
    const ledger = { counted: {}, duplicate: {}, bad: {}, lost: {}, ...JSON.parse(row.ledger) };
    const progress = {
      version: row.version,
      frontierMs: row.frontier_ms,
      positions: JSON.parse(row.positions),
      ledger,
    };
    return new DuckDbEngine(options, row.id, progress, await countDirty(options.connection));
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

  dirtyWindows(): number {
    return this.#dirty;
  }

  frontierMs(): number {
    return this.#progress.frontierMs;
  }

  version(): number {
    return this.#progress.version;
  }

  /** First window starts that are hot, in minutes. */
  hotFromMinutes(): Record<WindowSize, number> {
    return hotFromMinutes(this.#progress.frontierMs, this.#timeZone);
  }

  apply(batch: ParsedBatch): Promise<void> {
    return this.#exclusive(() => this.#apply(batch));
  }

  repair(archive: ArchiveReader): Promise<number> {
    return this.#exclusive(async () => {
      if (this.#dirty === 0) return 0;
      await this.#recomputer.repair(archive, this.#progress.positions, this.#commit);
      this.#dirty = await countDirty(this.#connection);
      await this.#fold();
      return this.#dirty;
    });
  }

  rebuild(archive: ArchiveReader, range: RebuildRange | null, diff: boolean): Promise<RebuildResult> {
    return this.#exclusive(async () => {
      for (const partition of archive.partitions()) {
        if (archive.position(partition) < this.position(partition)) {
          throw new Error(
            `the archive has not come as far as the metrics in partition ${partition}; try again later`,
          );
        }
      }
      const { positions } = this.#progress;
      const result = await this.#recomputer.rebuild(archive, range, positions, diff ? null : this.#commit);
      if (!diff) {
        this.#dirty = await countDirty(this.#connection);
        await this.#fold();
      }
      return result;
    });
  }

  restore(archive: ArchiveReader, signal?: AbortSignal): Promise<void> {
    return this.#exclusive(async () => {
      const extent = archive.receivedExtentMs();
      if (!extent) return;
      for (const table of stateTables(this.#catalogue))
        await this.#connection.run(`DELETE FROM ${STATE}.${table.name}`);
      const positions: Record<string, Offset> = {};
      for (const partition of archive.partitions()) positions[partition] = archive.position(partition);
      const frontierMs = extent[1];
      const commit: Commit = (write) => {
        signal?.throwIfAborted();
        return this.#commit(write);
      };
      await this.#recomputer.rebuild(archive, null, positions, commit);
      const ledger = await this.#recomputer.ledger(archive, positions);
      await this.#recomputer.restoreSeen(archive, frontierMs - DUPLICATE_WITHIN_MS, positions);
      const next: Progress = { version: this.#nextVersion(), frontierMs, positions, ledger };
      await this.#connection.transaction(() => this.#save(next));
      this.#progress = next;
      this.#dirty = await countDirty(this.#connection);
      await this.#fold();
    });
  }

  async close(): Promise<void> {
    await this.#exclusive(async () => {
      await this.#connection.run(`CHECKPOINT ${STATE}`);
      this.#connection.close();
    });
  }

  async #apply(batch: ParsedBatch): Promise<void> {
    for (const { partition, from } of batch.spans) {
      const at = this.position(partition);
      if (from !== at)
        throw new Error(
          `the batch starts at ${from} in partition ${partition}, but the metrics are at ${at}`,
        );
    }
    const frontierMs = Math.max(this.#progress.frontierMs, batch.receivedAtMaxMs);
    const hotFrom = hotFromMinutes(frontierMs, this.#timeZone);
    await this.#findDuplicates(batch);
    const good = `(SELECT * FROM ${batch.relation} WHERE reason IS NULL)`;
    const events = eventsInputSql(
      `(SELECT * FROM ${good} ANTI JOIN duplicates USING (log_partition, log_offset, log_line))`,
    );
    const bad = `(SELECT reason, received_at FROM ${batch.relation} WHERE reason IS NOT NULL)`;
    const quality = qualityInputSql(bad, 'duplicates', events);
    // A table, as these are few rows out of many.
    await this.#connection.run(`CREATE OR REPLACE TEMP TABLE input_quality AS FROM ${quality}`);
    const inputs = { events, quality: 'input_quality' };
    // Received-at only grows, so no window of quality is ever late, even where one batch spans weeks.
    await this.#aggregator.aggregate(this.#catalogue, inputs, ({ input }) =>
      input === 'quality' ? () => 'true' : (size, start) => `${start} >= ${hotFrom[size]}`,
    );
    const next: Progress = {
      version: this.#nextVersion(),
      frontierMs,
      positions: { ...this.#progress.positions, ...positionsAfter(batch.spans) },
      ledger: await this.#nextLedger(batch),
    };
    await this.#connection.transaction(async () => {
      await this.#markDirty(batch, hotFrom);
      for (const metric of this.#catalogue) {
        for (const sql of mergeSketchesSql(metric)) await this.#connection.run(sql);
        await this.#connection.run(writePointsSql(metric, 'state', next.version));
      }
      await this.#connection.run(`INSERT INTO ${STATE}.seen
        SELECT id_hash, epoch_ms(received_at) FROM ${batch.relation} WHERE id_hash IS NOT NULL`);
      await this.#save(next);
    });
    // Together: who sees the new position must not see the old number of dirty windows.
    const dirty = await countDirty(this.#connection);
    this.#progress = next;
    this.#dirty = dirty;
    await this.#noteLimits(next.version);
    await this.#fold();
  }

  /** Only windows with very many distinct values have a limit, so most batches have nothing to note. */
  async #noteLimits(version: number): Promise<void> {
    for (const metric of this.#catalogue) {
      for (const { name } of distinctValues(metric)) {
        const { crowded } = await this.#connection.row<{ crowded: boolean | null }>(
          `SELECT bool_or("${name}" > ${DISTINCT_EXACT_MAX}) AS crowded FROM ${STATE}.${pointsTable(metric)} WHERE version = ${version}`,
        );
        if (!crowded) continue;
        for (const sql of noteLimitsSql(metric, name)) await this.#connection.run(sql);
      }
    }
  }

  /**
   * Temp table `duplicates`: rows of the batch whose event_id was received within the time before. Only ids that occur
   * more than once are sorted; those are few.
   */
  async #findDuplicates(batch: ParsedBatch): Promise<void> {
    const ids = `(SELECT id_hash FROM ${batch.relation} WHERE id_hash IS NOT NULL)`;
    await this.#connection.run(`CREATE OR REPLACE TEMP TABLE repeated AS
      SELECT id_hash FROM ${ids} GROUP BY id_hash HAVING count(*) > 1
      UNION SELECT id_hash FROM ${STATE}.seen WHERE id_hash IN (FROM ${ids})`);
    await this.#connection.run(`CREATE OR REPLACE TEMP TABLE duplicates AS
      SELECT log_partition, log_offset, log_line, received_at, source FROM (
        SELECT *, received_ms - lag(received_ms) OVER
          (PARTITION BY id_hash ORDER BY received_ms, log_partition, log_offset, log_line) AS gap_ms
        FROM (
          SELECT id_hash, epoch_ms(received_at) AS received_ms, log_partition, log_offset, log_line, received_at, source
          FROM ${batch.relation} SEMI JOIN repeated USING (id_hash)
          UNION ALL
          SELECT id_hash, max(received_ms), -1, -1, 0, NULL, NULL FROM ${STATE}.seen SEMI JOIN repeated USING (id_hash) GROUP BY id_hash
        )
      ) WHERE log_offset >= 0 AND gap_ms <= ${DUPLICATE_WITHIN_MS}`);
  }

  async #markDirty(batch: ParsedBatch, hotFrom: Record<WindowSize, number>): Promise<void> {
    const starts = { '1m': 'm', '1h': 'h', '1d': 'd' };
    const ends = batch.spans.map(({ partition, to }) => `(${to}, ${partition})`);
    if (ends.length === 0) return;
    for (const size of WINDOWS) {
      const minutes = this.#catalogue
        .filter((metric) => metric.input === 'events' && metric.windows.includes(size))
        .map((metric) => `SELECT m FROM b_${metric.name}`);
      const start = starts[size];
      await this.#connection.run(`INSERT INTO ${STATE}.dirty
        SELECT DISTINCT ${windowIndex(size)}, ${start}, past, id, ${this.#now()}
        FROM slots, (VALUES ${ends.join(', ')}) AS ends (past, id) WHERE ${start} < ${hotFrom[size]} AND m IN (${minutes.join(' UNION ')})`);
    }
  }

  async #nextLedger(batch: ParsedBatch): Promise<MetricsLedger> {
    const ledger = structuredClone(this.#progress.ledger);
    const add = (counts: CountsBySource, rows: { source: string; n: number }[]) => {
      for (const { source, n } of rows) addCount(counts, source, n);
    };
    type Counts = { source: string; n: number };
    const duplicates = await this.#connection.rows<Counts>(
      'SELECT source, count(*) AS n FROM duplicates GROUP BY source',
    );
    const good = await this.#connection.rows<Counts>(
      `SELECT source, count(*) AS n FROM ${batch.relation} WHERE reason IS NULL GROUP BY source`,
    );
    const bad = await this.#connection.rows<Counts>(
      `SELECT source, count(*) AS n FROM ${batch.relation} WHERE reason IS NOT NULL GROUP BY source`,
    );
    add(ledger.duplicate, duplicates);
    add(ledger.bad, bad);
    for (const [source, lines] of Object.entries(batch.lost)) addCount(ledger.lost, source, lines);
    add(ledger.counted, good);
    add(
      ledger.counted,
      duplicates.map(({ source, n }) => ({ source, n: -n })),
    );
    return ledger;
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

  async #save(next: Progress): Promise<void> {
    await this.#connection.run(`UPDATE ${STATE}.engine SET version = ${next.version}, frontier_ms = ${next.frontierMs},
      positions = ${quote(JSON.stringify(next.positions))}, ledger = ${quote(JSON.stringify(next.ledger))}`);
  }

  #fold(): Promise<void> {
    return this.#folder.foldGrown(this.hotFromMinutes(), this.#progress.frontierMs);
  }

  /** Versions only grow, also across a state that was lost: they follow the clock. */
  #nextVersion(): number {
    return Math.max(this.#progress.version + 1, this.#now());
  }

  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work, work);
    this.#tail = result.catch(() => {});
    return result;
  }
}

async function countDirty(connection: Connection): Promise<number> {
  const { n } = await connection.row<{ n: number }>(
    `SELECT count(*) AS n FROM (SELECT DISTINCT win, start FROM ${STATE}.dirty)`,
  );
  return n;
}

function hotFromMinutes(frontierMs: number, timeZone: string): Record<WindowSize, number> {
  const minutes = (size: WindowSize) => Math.floor(hotFromMs(size, frontierMs, timeZone) / 60_000);
  return { '1m': minutes('1m'), '1h': minutes('1h'), '1d': minutes('1d') };
}
