import type { Offset } from '../../../domain/offset.ts';
import { localDayStartOfMs } from '../../../domain/time-zone.ts';
import { windowEndMs } from '../../../domain/window.ts';
import { DUPLICATE_WITHIN_MS, type Metric } from '../../../metrics/definition.ts';
import type { ArchiveReader, MetricsLedger, RebuildRange, RebuildResult } from '../../../ports/engine.ts';
import { type Aggregator, type Inputs, mergeSketchesSql, writePointsSql } from './aggregate.ts';
import {
  before,
  EMPTY_EVENTS,
  eachFiles,
  instant,
  mergeRanges,
  tempOfFiles,
  utcDate,
} from './archive-rows.ts';
import type { Connection } from './database.ts';
import { comparePoints } from './difference.ts';
import type { EngineOptions } from './options.ts';
import { eventsInputSql, qualityInputSql, windowIndex } from './render.ts';
import { STATE } from './state.ts';
import {
  type Days,
  dayRanges,
  dropWanted,
  storedDays,
  type TimeRange,
  wantDays,
  wholeDays,
} from './wanted.ts';

/** Rows that are computed at a time; a local day is never cut. */
const CHUNK_ROWS_MAX = 1_000_000;
const CHUNK_DAYS_MAX = 400;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** How far rows of the archive count. */
type Positions = Record<string, Offset>;

/** Runs `write` as one transaction with a version of the points of its own, so that readers see all of it or nothing. */
export type Commit = (write: (version: number) => Promise<void>) => Promise<void>;

/** Computes windows from the archive, with the same definitions and the same duplicate rule as the engine. */
export class ArchiveRecomputer {
  readonly #connection: Connection;
  readonly #events: readonly Metric[];
  readonly #quality: readonly Metric[];
  readonly #timeZone: string;
  readonly #aggregator: Aggregator;
  readonly #distinctErrorMax: number;

  /** `distinctErrorMax`: how far, as a share, distinct counts may be from each other and not differ. */
  constructor(options: EngineOptions, aggregator: Aggregator, distinctErrorMax = 0) {
    this.#distinctErrorMax = distinctErrorMax;
    this.#connection = options.connection;
    this.#events = options.catalogue.filter((metric) => metric.input === 'events');
    this.#quality = options.catalogue.filter((metric) => metric.input === 'quality');
    this.#timeZone = options.timeZone;
    this.#aggregator = aggregator;
  }

  /**
   * Recomputes dirty windows for which the archive has come far enough, a chunk of days per transaction. Lines past
   * `measured` stay out: they mark their windows dirty again when they are measured.
   */
  async repair(archive: ArchiveReader, measured: Positions, commit: Commit): Promise<void> {
    const positions = Object.fromEntries(
      archive.partitions().map((id) => [id, Math.min(archive.position(id), measured[id] ?? 0)]),
    );
    const behind = Object.entries(positions).map(
      ([id, past]) => `(log_partition = ${id} AND past <= ${past})`,
    );
    if (behind.length === 0) return;
    await this.#connection.run(`CREATE OR REPLACE TEMP TABLE repairable AS
      SELECT win, start FROM ${STATE}.dirty GROUP BY win, start HAVING bool_and(${behind.join(' OR ')})`);
    const starts = await this.#connection.rows<{ start: number }>(
      'SELECT DISTINCT start FROM repairable ORDER BY start',
    );
    const days = [...new Set(starts.map(({ start }) => localDayStartOfMs(this.#timeZone, start * 60_000)))];
    for (const chunk of this.#chunks(archive, days)) {
      await this.#want('repairable', chunk);
      await this.#computeEvents(archive, chunk, positions);
      await commit(async (version) => {
        await this.#replace(this.#events, version);
        await this.#connection.run(
          `DELETE FROM ${STATE}.dirty WHERE (win, start) IN (SELECT (win, start) FROM wanted)`,
        );
      });
    }
  }

  /** Computes all windows of the range; replaces them, or compares them where there is no `commit`. */
  async rebuild(
    archive: ArchiveReader,
    range: RebuildRange | null,
    positions: Positions,
    commit: Commit | null,
  ): Promise<RebuildResult> {
    const result: RebuildResult = { windows: 0, differences: 0, examples: [] };
    for (const chunk of this.#chunks(archive, await this.#eventDays(archive, range))) {
      await wantDays(this.#connection, chunk, this.#timeZone);
      await this.#computeEvents(archive, chunk, positions);
      await this.#finish(this.#events, commit, result);
    }
    await this.rebuildQuality(archive, range, positions, commit, result);
    return result;
  }

  /** The part of `rebuild` that is about what was received, whatever its time; adds to `result`. */
  async rebuildQuality(
    archive: ArchiveReader,
    range: RebuildRange | null,
    positions: Positions,
    commit: Commit | null,
    result: RebuildResult,
  ): Promise<void> {
    const whole = wholeDays(range, this.#timeZone);
    const stored = await storedDays(this.#connection, this.#quality, whole, this.#timeZone);
    for (const day of new Set([...this.#receivedDays(archive, range), ...stored])) {
      await wantDays(this.#connection, [day], this.#timeZone);
      await this.#computeQuality(archive, day, positions);
      await this.#finish(this.#quality, commit, result);
    }
  }

  async #finish(metrics: readonly Metric[], commit: Commit | null, result: RebuildResult): Promise<void> {
    if (!commit)
      return comparePoints(this.#connection, metrics, result, { distinctErrorMax: this.#distinctErrorMax });
    await commit(async (version) => {
      result.windows += await this.#replace(metrics, version);
      if (metrics === this.#events) {
        await this.#connection.run(
          `DELETE FROM ${STATE}.dirty WHERE (win, start) IN (SELECT (win, start) FROM wanted)`,
        );
      }
    });
  }

  /** Counts the archive by source, as `apply` would have: all of it, or what was received in the days of the range. */
  async ledger(
    archive: ArchiveReader,
    positions: Positions,
    range: RebuildRange | null = null,
  ): Promise<MetricsLedger> {
    const ledger: MetricsLedger = { counted: {}, duplicate: {}, bad: {}, lost: archive.lost() };
    const add = (counts: Record<string, number>, rows: { source: string; n: number }[], sign = 1) => {
      for (const { source, n } of rows) counts[source] = (counts[source] ?? 0) + sign * n;
    };
    const count = (relation: string) =>
      this.#connection.rows<{ source: string; n: number }>(
        `SELECT source, count(*) AS n FROM ${relation} GROUP BY source`,
      );
    for (const day of this.#receivedDays(archive, range)) {
      const dayRange = { fromMs: day, toMs: windowEndMs('1d', day, this.#timeZone) };
      await this.#readReceived(archive, dayRange, positions);
      const duplicates = await count('duplicates');
      add(ledger.counted, await count('archive_rows'));
      add(ledger.counted, duplicates, -1);
      add(ledger.duplicate, duplicates);
      add(ledger.bad, await count('archive_bad'));
    }
    return ledger;
  }

  /** Fills the table of ids seen with those received since `sinceMs`. */
  async restoreSeen(archive: ArchiveReader, sinceMs: number, positions: Positions): Promise<void> {
    const receivedMs: [number, number][] = [[sinceMs, Number.MAX_SAFE_INTEGER]];
    const insert = (
      files: string,
    ) => `INSERT INTO ${STATE}.seen SELECT hash(event_id), epoch_ms(received_at) FROM ${files}
      WHERE event_id IS NOT NULL AND epoch_ms(received_at) >= ${sinceMs} AND ${before(positions)}`;
    await archive.withFiles('events', { receivedMs }, (paths) => eachFiles(this.#connection, paths, insert));
  }

  /** The days in groups with not too many rows. */
  #chunks(archive: ArchiveReader, days: Days): Days[] {
    const rowsOf = new Map(archive.dates('events').map(({ date, rows }) => [date, rows]));
    const chunks: Days[] = [];
    let rows = 0;
    for (const day of days.sort((a, b) => a - b)) {
      const dayRows = rowsOf.get(utcDate(day + DAY_MS / 2)) ?? 0;
      const last = chunks.at(-1);
      if (last && rows + dayRows <= CHUNK_ROWS_MAX && last.length < CHUNK_DAYS_MAX) {
        last.push(day);
        rows += dayRows;
      } else {
        chunks.push([day]);
        rows = dayRows;
      }
    }
    return chunks;
  }

  /** Local days within the range of which the archive has events, or the metrics rows. */
  async #eventDays(archive: ArchiveReader, range: RebuildRange | null): Promise<Days> {
    const inRange = wholeDays(range, this.#timeZone);
    const days = new Set<number>(await storedDays(this.#connection, this.#events, inRange, this.#timeZone));
    for (const { date } of archive.dates('events')) {
      const startMs = Date.parse(date);
      for (const instant of [startMs, startMs + DAY_MS - 1])
        days.add(localDayStartOfMs(this.#timeZone, instant));
    }
    return [...days].filter((day) => day >= inRange.fromMs && day < inRange.toMs);
  }

  /** Local days of received-at within the range. */
  #receivedDays(archive: ArchiveReader, range: RebuildRange | null): Days {
    const extent = archive.receivedExtentMs();
    if (!extent) return [];
    const wanted = wholeDays(range, this.#timeZone);
    const days: Days = [];
    let day = localDayStartOfMs(this.#timeZone, Math.max(extent[0], wanted.fromMs));
    while (day <= extent[1] && day < wanted.toMs) {
      days.push(day);
      day = windowEndMs('1d', day, this.#timeZone);
    }
    return days;
  }

  /** Temp table `wanted`: windows of `source` that start in one of the days. */
  async #want(source: string, days: Days): Promise<void> {
    const ranges = dayRanges(days, this.#timeZone).map(
      ({ fromMs, toMs }) => `(${fromMs / 60_000}, ${toMs / 60_000})`,
    );
    await this.#temp(
      'wanted',
      `SELECT win, start FROM ${source} JOIN (VALUES ${ranges.join(', ')}) AS days(low, high) ON start >= low AND start < high`,
    );
  }

  /** Computes the wanted windows of metrics over events. */
  async #computeEvents(archive: ArchiveReader, days: Days, positions: Positions): Promise<void> {
    // A day may be longer than 24 hours: some minutes too many are read, and left out when windows are chosen.
    await this.#temp(
      'wanted_minutes',
      `SELECT DISTINCT unnest(range(start, start + CASE win WHEN 0 THEN 1 WHEN 1 THEN 60 ELSE 1560 END)) AS minute FROM wanted`,
    );
    const dates = new Set<string>();
    for (const { fromMs, toMs } of dayRanges(days, this.#timeZone)) {
      for (let ms = fromMs; ms < toMs + HOUR_MS; ms += HOUR_MS) dates.add(utcDate(ms));
    }
    const where = `epoch_us(event_time) // 60000000 IN (SELECT minute FROM wanted_minutes)`;
    await archive.withFiles('events', { dates }, (paths) => this.#readEvents(paths, where, positions));
    await this.#findDuplicates(archive, positions);
    await this.#aggregate(this.#events, this.#inputs());
  }

  /** Computes the windows of a day of metrics over quality. */
  async #computeQuality(archive: ArchiveReader, day: number, positions: Positions): Promise<void> {
    // The last hour that starts in the day may end after it.
    const toMs = Math.ceil(windowEndMs('1d', day, this.#timeZone) / HOUR_MS) * HOUR_MS;
    await this.#readReceived(archive, { fromMs: day, toMs }, positions);
    await this.#aggregate(this.#quality, this.#inputs());
  }

  async #aggregate(metrics: readonly Metric[], inputs: Inputs): Promise<void> {
    await this.#aggregator.aggregate(
      metrics,
      inputs,
      () => (size, start) => `${start} IN (SELECT start FROM wanted WHERE win = ${windowIndex(size)})`,
    );
  }

  #inputs(): Inputs {
    const events = eventsInputSql(
      '(SELECT * FROM archive_rows ANTI JOIN duplicates USING (log_partition, log_offset, log_line))',
    );
    return { events, quality: qualityInputSql('archive_bad', 'duplicates', events) };
  }

  /** Temp tables `archive_rows`, `archive_bad` and `duplicates` of what was received in the range. */
  async #readReceived(archive: ArchiveReader, range: TimeRange, positions: Positions): Promise<void> {
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
    await this.#findDuplicates(archive, positions);
  }

  async #readEvents(paths: string[], where: string, positions: Positions): Promise<void> {
    const columns = `event_time, event_type, user_id, session_id, product_id, quantity, price, amount, currency, device_type,
      response_time, status_code, log_partition, log_offset, log_line, received_at, source, hash(event_id) AS id_hash,
      event_id IS NOT NULL AS has_id`;
    await tempOfFiles(
      this.#connection,
      'archive_rows',
      `SELECT ${columns} FROM (${EMPTY_EVENTS})`,
      paths,
      (files) => `SELECT ${columns} FROM ${files} WHERE ${where} AND ${before(positions)}`,
    );
  }

  /** Temp table `duplicates`: the rows of `archive_rows` whose event_id was received within the time before. */
  async #findDuplicates(archive: ArchiveReader, positions: Positions): Promise<void> {
    const hours = await this.#connection.rows<{ hour: number }>(
      `SELECT DISTINCT epoch_ms(received_at) // ${HOUR_MS} AS hour FROM archive_rows ORDER BY hour`,
    );
    const receivedMs = mergeRanges(
      hours.map(({ hour }) => [hour * HOUR_MS - DUPLICATE_WITHIN_MS, (hour + 1) * HOUR_MS - 1]),
    );
    await archive.withFiles('events', { receivedMs }, async (paths) => {
      const columns = 'received_at, log_partition, log_offset, log_line, source';
      await tempOfFiles(
        this.#connection,
        'prior',
        `SELECT id_hash, ${columns} FROM archive_rows`,
        paths,
        (files) => `SELECT hash(event_id) AS id_hash, ${columns} FROM ${files}
          WHERE event_id IS NOT NULL AND ${before(positions)}
            AND hash(event_id) IN (SELECT id_hash FROM archive_rows WHERE has_id)`,
      );
    });
    await this.#temp(
      'duplicates',
      `SELECT log_partition, log_offset, log_line, received_at, source FROM (
        SELECT *, epoch_ms(received_at) - lag(epoch_ms(received_at)) OVER
          (PARTITION BY id_hash ORDER BY received_at, log_partition, log_offset, log_line) AS gap_ms
        FROM prior SEMI JOIN (SELECT id_hash FROM prior GROUP BY id_hash HAVING count(*) > 1) USING (id_hash)
      ) WHERE gap_ms <= ${DUPLICATE_WITHIN_MS}
        AND (log_partition, log_offset, log_line) IN (SELECT (log_partition, log_offset, log_line) FROM archive_rows)`,
    );
    await this.#connection.run('DROP TABLE prior');
  }

  /** Puts what was computed in the place of what the state holds of the wanted windows; gives their number. */
  async #replace(metrics: readonly Metric[], version: number): Promise<number> {
    let windows = 0;
    for (const metric of metrics) {
      await dropWanted(this.#connection, metric);
      await this.#connection.run(writePointsSql(metric, 'nothing', version));
      for (const sql of mergeSketchesSql(metric)) await this.#connection.run(sql);
      const { n } = await this.#connection.row<{ n: number }>(
        `SELECT count(*) AS n FROM (SELECT DISTINCT win, start FROM d_${metric.name})`,
      );
      windows += n;
    }
    return windows;
  }

  async #temp(name: string, sql: string): Promise<void> {
    await this.#connection.run(`CREATE OR REPLACE TEMP TABLE ${name} AS ${sql}`);
  }
}
