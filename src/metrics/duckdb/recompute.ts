import type { OffsetRange } from '../../decode/batch.ts';
import { COUNTED, DECISIONS } from '../../decode/identity.ts';
import { localDayStartOfMs } from '../../event/time-zone.ts';
import { addCount, type Offset } from '../../log/offset.ts';
import {
  type Aggregates,
  type ArchiveAggregator,
  COUNTS,
  type RowSelection,
  type TimeRange,
} from '../aggregates.ts';
import { type Metric, ofTime } from '../definition.ts';
import type { ArchiveReader, MetricsLedger, RebuildRange, RebuildResult } from '../engine.ts';
import { type PassInputs, passSql } from '../pass-sql.ts';
import type { Pass } from '../plan.ts';
import { windowEndMs } from '../window.ts';
import { aggregatedBy } from './aggregated-batches.ts';
import { before, EMPTY_EVENTS, instant, tempOfFiles, utcDate } from './archive-rows.ts';
import { countsIn, countsSql } from './counts.ts';
import type { Connection } from './database.ts';
import { DUCKDB_DIALECT } from './dialect.ts';
import { compareRows } from './difference.ts';
import { lateTable, type Merger, newTable, stateTable } from './merge.ts';
import type { EngineOptions } from './options.ts';
import { eventsInputSql, linesInputSql, METRIC_COLUMNS, qualityInputSql } from './render.ts';
import {
  type Days,
  dayRanges,
  dropWaiting,
  dropWanted,
  grouped,
  receivedDays,
  storedDays,
  wantDays,
  wholeDays,
} from './selected-windows.ts';
import { STATE, sketchesFrom } from './state.ts';
import { sumsTable, type Tables, windowIndex } from './tables.ts';

/** Rows that are computed at a time; a local day is never cut. */
const CHUNK_ROWS_MAX = 1_000_000;
const CHUNK_DAYS_MAX = 400;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** How far rows of the archive count. */
type CountedPositions = Record<string, Offset>;

/** Runs `write` as one transaction with a version of the points of its own, so that readers see all of it or nothing. */
export type Commit = (write: (version: number) => Promise<void>) => Promise<void>;

type Input = ReturnType<typeof ofTime>;

/** Computes windows from the archive, with the same definitions as the engine. */
export class ArchiveRecomputer {
  readonly #connection: Connection;
  readonly #catalogue: readonly Metric[];
  readonly #timeZone: string;
  readonly #tables: Tables;
  readonly #merger: Merger;
  readonly #aggregator: ArchiveAggregator | null;
  readonly #rowsMax: number;

  constructor(options: EngineOptions, tables: Tables, merger: Merger) {
    this.#aggregator = options.aggregator;
    this.#rowsMax = options.aggregator?.rowsMax ?? options.rebuildRowsMax ?? CHUNK_ROWS_MAX;
    this.#connection = options.connection;
    this.#catalogue = options.catalogue;
    this.#timeZone = options.timeZone;
    this.#tables = tables;
    this.#merger = merger;
  }

  /**
   * Brings invalidated windows up to date for which the archive has come far enough, a chunk of days per transaction. Lines past
   * `measured` stay out: they mark their windows again when they are measured. At `signal` it stops before the next chunk.
   *
   * What was kept of a window's late lines is merged into it where its hashes and histograms are still there, or nothing was
   * counted in it before. The others are computed from the archive.
   */
  async recompute(
    archive: ArchiveReader,
    measured: CountedPositions,
    commit: Commit,
    signal?: AbortSignal,
  ): Promise<void> {
    const positions = Object.fromEntries(
      archive.partitions().map((id) => [id, Math.min(archive.position(id), measured[id] ?? 0)]),
    );
    const behind = Object.entries(positions).map(
      ([id, past]) => `(log_partition = ${id} AND past <= ${past})`,
    );
    if (behind.length === 0) return;
    await this.#temp(
      'recomputable',
      `SELECT win, start FROM ${STATE}.dirty GROUP BY win, start HAVING bool_and(${behind.join(' OR ')})`,
    );
    const from = await sketchesFrom(this.#connection);
    const passes = this.#passes('events');
    const counted = this.#tables
      .ofKind('additive', passes)
      .map((pass) => `SELECT win, start FROM ${stateTable(sumsTable(pass))}`);
    await this.#temp(
      'mergeable',
      `SELECT win, start FROM recomputable WHERE win = ${windowIndex('1d')}
        OR (win = ${windowIndex('1m')} AND start >= ${from['1m']}) OR (win = ${windowIndex('1h')} AND start >= ${from['1h']})
       UNION SELECT win, start FROM recomputable ANTI JOIN (${counted.join(' UNION ALL ')}) USING (win, start)`,
    );
    for (const chunk of this.#chunks(archive, await this.#daysOf('mergeable'))) {
      if (signal?.aborted) return;
      await this.#want('mergeable', chunk);
      await commit(async (version) => {
        await this.#merger.take(
          passes,
          (table) => `(SELECT * FROM ${lateTable(table)} SEMI JOIN selected USING (win, start))`,
          version,
        );
        await dropWaiting(this.#connection, this.#tables);
      });
    }
    await this.#temp('lost', 'SELECT * FROM recomputable ANTI JOIN mergeable USING (win, start)');
    for (const chunk of this.#chunks(archive, await this.#daysOf('lost'))) {
      if (signal?.aborted) return;
      await this.#want('lost', chunk);
      await this.#computeEvents(archive, chunk, positions);
      await commit(async (version) => {
        await this.#replace('events', version);
      });
    }
  }

  /** Local days in which windows of a temp table start. */
  async #daysOf(table: string): Promise<Days> {
    const starts = await this.#connection.rows<{ start: number }>(`SELECT DISTINCT start FROM ${table}`);
    return [...new Set(starts.map(({ start }) => localDayStartOfMs(this.#timeZone, start * 60_000)))];
  }

  /** Computes all windows of the range; replaces them, or compares them where there is no `commit`. */
  async rebuild(
    archive: ArchiveReader,
    range: RebuildRange | null,
    positions: CountedPositions,
    commit: Commit | null,
  ): Promise<RebuildResult> {
    const result: RebuildResult = { windows: 0, differences: 0, examples: [] };
    for (const chunk of this.#chunks(archive, await this.#eventDays(archive, range))) {
      await wantDays(this.#connection, chunk, this.#timeZone);
      await this.#computeEvents(archive, chunk, positions);
      await this.#finish('events', commit, result);
    }
    await this.#rebuildQuality(archive, range, positions, commit, result);
    return result;
  }

  /** The part of `rebuild` that is about what was received, whatever its time; adds to `result`. */
  async #rebuildQuality(
    archive: ArchiveReader,
    range: RebuildRange | null,
    positions: CountedPositions,
    commit: Commit | null,
    result: RebuildResult,
  ): Promise<void> {
    const whole = wholeDays(range, this.#timeZone);
    const stored = await this.#storedDays('quality', whole);
    const received = receivedDays(archive.receivedExtentMs(), range, this.#timeZone);
    const days = [...new Set([...received, ...stored])].sort((a, b) => a - b);
    for (const chunk of this.#receivedChunks(archive, days)) {
      await wantDays(this.#connection, chunk, this.#timeZone);
      await this.#computeQuality(archive, chunk, positions);
      await this.#finish('quality', commit, result);
    }
  }

  async #finish(input: Input, commit: Commit | null, result: RebuildResult): Promise<void> {
    const metrics = this.#catalogue.filter((metric) => ofTime(metric.input) === input);
    if (!commit) return compareRows(this.#connection, this.#tables, metrics, result);
    await commit(async (version) => {
      await this.#replace(input, version);
      const counts = metrics.map((metric) => {
        const windows = `SELECT DISTINCT win, start FROM ${this.#tables.identities(metric, newTable)}`;
        return `SELECT count(*) AS n FROM (${windows})`;
      });
      const { n } = await this.#connection.row<{ n: number }>(
        `SELECT CAST(coalesce(sum(n), 0) AS BIGINT) AS n FROM (${counts.join(' UNION ALL ')})`,
      );
      result.windows += n;
    });
  }

  /** Counts the archive by source, as `apply` would have. */
  async ledger(archive: ArchiveReader, positions: CountedPositions): Promise<MetricsLedger> {
    const ledger: MetricsLedger = { counted: {}, duplicate: {}, excluded: {}, bad: {}, lost: archive.lost() };
    const add = async (counts: string | undefined) => {
      for (const { state, source, n } of await countsIn(this.#connection, counts))
        addCount(ledger[state], source, n);
    };
    if (this.#aggregator) {
      const rows = { ranges: rangesBefore(positions), expected: this.#rowsIn(archive) };
      const { aggregates, release } = await this.#aggregator.compute(archive, rows, []);
      await add(aggregates[COUNTS]).finally(release);
      return ledger;
    }
    const days = receivedDays(archive.receivedExtentMs(), null, this.#timeZone);
    for (const chunk of this.#receivedChunks(archive, days)) {
      const range = { fromMs: chunk[0]!, toMs: windowEndMs('1d', chunk.at(-1)!, this.#timeZone) };
      await this.#readReceived(archive, range, positions);
      const rows =
        'SELECT event_time, received_at, source, duplicate, excluded, NULL AS reason FROM archive_rows';
      const bad = 'SELECT NULL, received_at, source, false, false, reason FROM archive_bad';
      await add(countsSql(`(${rows} UNION ALL ${bad})`));
    }
    return ledger;
  }

  /** Events of the archive, of the dates or of all. */
  #rowsIn(archive: ArchiveReader, dates?: ReadonlySet<string>): number {
    return archive
      .dates('events')
      .reduce((sum, { date, rows }) => sum + (dates === undefined || dates.has(date) ? rows : 0), 0);
  }

  /** The days in groups with not too many rows. */
  #chunks(archive: ArchiveReader, days: Days): Days[] {
    const rowsOf = new Map(archive.dates('events').map(({ date, rows }) => [date, rows]));
    return grouped(days, (day) => rowsOf.get(utcDate(day + DAY_MS / 2)) ?? 0, this.#rowsMax, CHUNK_DAYS_MAX);
  }

  /**
   * Days of received-at, which are in order, in groups. How many rows each has is not known: one by one, where the whole archive
   * is too much at a time. Elsewhere each job has its price.
   */
  #receivedChunks(archive: ArchiveReader, days: Days): Days[] {
    const rows = [...archive.dates('events'), ...archive.dates('bad_rows')].reduce(
      (sum, { rows }) => sum + rows,
      0,
    );
    const size = this.#aggregator || rows <= this.#rowsMax ? CHUNK_DAYS_MAX : 1;
    return Array.from({ length: Math.ceil(days.length / size) }, (_, i) =>
      days.slice(i * size, (i + 1) * size),
    );
  }

  /** Local days within the range of which the archive has events, or the metrics rows. */
  async #eventDays(archive: ArchiveReader, range: RebuildRange | null): Promise<Days> {
    const inRange = wholeDays(range, this.#timeZone);
    const days = new Set<number>(await this.#storedDays('events', inRange));
    for (const { date } of archive.dates('events')) {
      const startMs = Date.parse(date);
      for (const instant of [startMs, startMs + DAY_MS - 1])
        days.add(localDayStartOfMs(this.#timeZone, instant));
    }
    return [...days].filter((day) => day >= inRange.fromMs && day < inRange.toMs);
  }

  /** Temp table `selected`: windows of `source` that start in one of the days. */
  async #want(source: string, days: Days): Promise<void> {
    const ranges = dayRanges(days, this.#timeZone).map(
      ({ fromMs, toMs }) => `(${fromMs / 60_000}, ${toMs / 60_000})`,
    );
    await this.#temp(
      'selected',
      `SELECT win, start FROM ${source} JOIN (VALUES ${ranges.join(', ')}) AS days(low, high) ON start >= low AND start < high`,
    );
  }

  /** Computes the selected windows of metrics over events. */
  async #computeEvents(archive: ArchiveReader, days: Days, positions: CountedPositions): Promise<void> {
    // The last hour that starts in a day may end after it.
    const eventMs = dayRanges(days, this.#timeZone).map(({ fromMs, toMs }) => ({
      fromMs,
      toMs: toMs + HOUR_MS,
    }));
    const dates = new Set<string>();
    for (const { fromMs, toMs } of eventMs) {
      for (let ms = fromMs; ms < toMs; ms += HOUR_MS) dates.add(utcDate(ms));
    }
    if (this.#aggregator) {
      const expected = this.#rowsIn(archive, dates);
      const rows = { ranges: rangesBefore(positions), eventMs, expected };
      return this.#computeElsewhere(this.#aggregator, 'events', days, archive, rows);
    }
    // A day may be longer than 24 hours: some minutes too many are read, and left out when windows are chosen.
    await this.#temp(
      'selected_minutes',
      `SELECT DISTINCT unnest(range(start, start + CASE win WHEN 0 THEN 1 WHEN 1 THEN 60 ELSE 1560 END)) AS minute FROM selected`,
    );
    const where = `epoch_us(event_time) // 60000000 IN (SELECT minute FROM selected_minutes)`;
    await archive.withFiles('events', { dates }, (paths) => this.#readEvents(paths, where, positions));
    await this.#computeHere('events', days);
  }

  /** Computes the windows of days, which are in order, of metrics over quality. */
  async #computeQuality(archive: ArchiveReader, days: Days, positions: CountedPositions): Promise<void> {
    // The last hour that starts in the day may end after it.
    const toMs = Math.ceil(windowEndMs('1d', days.at(-1)!, this.#timeZone) / HOUR_MS) * HOUR_MS;
    const receivedMs = { fromMs: days[0]!, toMs };
    if (this.#aggregator) {
      const rows = { ranges: rangesBefore(positions), receivedMs, expected: this.#rowsIn(archive) };
      return this.#computeElsewhere(this.#aggregator, 'quality', days, archive, rows);
    }
    await this.#readReceived(archive, receivedMs, positions);
    await this.#computeHere('quality', days);
  }

  async #computeElsewhere(
    aggregator: ArchiveAggregator,
    input: Input,
    days: Days,
    archive: ArchiveReader,
    rows: RowSelection,
  ): Promise<void> {
    const { aggregates, release } = await aggregatedBy(aggregator, archive, rows, this.#passes(input));
    await this.#compute(aggregates, days).finally(release);
  }

  /** Computes the selected windows of an input of what was read. */
  #computeHere(input: Input, days: Days): Promise<void> {
    const inputs = this.#inputs();
    const queries = this.#passes(input).map((pass) => [
      pass.name,
      `(${passSql(pass, DUCKDB_DIALECT, inputs)})`,
    ]);
    return this.#compute(Object.fromEntries(queries), days);
  }

  /** Computes the selected windows, which start in the days, of aggregates. */
  async #compute(aggregates: Aggregates, days: Days): Promise<void> {
    const sorted = days.toSorted((a, b) => a - b);
    // Some minutes too many were read.
    const around = { low: sorted[0]! - 2 * DAY_MS, high: sorted.at(-1)! + 4 * DAY_MS };
    const minutes = { low: around.low / 60_000, high: around.high / 60_000 };
    await this.#merger.compute(aggregates, minutes);
  }

  #inputs(): PassInputs {
    const events = eventsInputSql(`(SELECT * FROM archive_rows WHERE ${COUNTED})`);
    return {
      events,
      lines: linesInputSql(events),
      quality: qualityInputSql('archive_bad', 'archive_rows'),
    };
  }

  /** Temp tables `archive_rows` and `archive_bad` of what was received in the range. */
  async #readReceived(archive: ArchiveReader, range: TimeRange, positions: CountedPositions): Promise<void> {
    const receivedMs = [[range.fromMs, range.toMs - 1]] as [number, number][];
    const where = `received_at >= ${instant(range.fromMs)} AND received_at < ${instant(range.toMs)}`;
    await archive.withFiles('events', { receivedMs }, (paths) => this.#readEvents(paths, where, positions));
    await archive.withFiles('bad_rows', { receivedMs }, (paths) =>
      tempOfFiles(
        this.#connection,
        'archive_bad',
        `SELECT '' AS reason, now() AS received_at, '' AS source`,
        paths,
        (files) => `SELECT reason, received_at, source FROM ${files} WHERE ${where} AND ${before(positions)}`,
      ),
    );
  }

  async #readEvents(paths: string[], where: string, positions: CountedPositions): Promise<void> {
    const columns = `${METRIC_COLUMNS}, ${DECISIONS}`;
    await tempOfFiles(
      this.#connection,
      'archive_rows',
      `SELECT ${columns} FROM (${EMPTY_EVENTS})`,
      paths,
      (files) => `SELECT ${columns} FROM ${files} WHERE ${where} AND ${before(positions)}`,
    );
  }

  /** Puts what was computed in the place of what the state holds of the selected windows. */
  async #replace(input: Input, version: number): Promise<void> {
    const passes = this.#passes(input);
    await dropWanted(this.#connection, this.#tables, passes);
    await this.#merger.take(passes, newTable, version);
    if (input === 'events') await dropWaiting(this.#connection, this.#tables);
  }

  #passes(input: Input): Pass[] {
    return this.#tables.plan.passes.filter((pass) => ofTime(pass.input) === input);
  }

  #storedDays(input: Input, range: TimeRange): Promise<Days> {
    return storedDays(this.#connection, this.#tables, this.#passes(input), range, this.#timeZone);
  }

  async #temp(name: string, sql: string): Promise<void> {
    await this.#connection.run(`CREATE OR REPLACE TEMP TABLE ${name} AS ${sql}`);
  }
}

const rangesBefore = (positions: CountedPositions): OffsetRange[] =>
  Object.entries(positions).map(([id, end]) => ({ partition: Number(id), start: 0, end }));
