import pLimit from 'p-limit';
import type { OffsetRange, TypedBatch } from '../../decode/batch.ts';
import type { Deduplicator } from '../../decode/deduplicator.ts';
import { IDENTITIES_KEPT_MS } from '../../decode/identity.ts';
import type { Offset, Positions } from '../../log/offset.ts';
import type { ArchiveReader } from '../engine.ts';
import { EMPTY_EVENTS, instant, tempOfFiles, within } from './archive-rows.ts';
import { type Connection, identifier } from './database.ts';
import {
  gapSql,
  identitiesSql,
  identityHashSql,
  isRecentSql,
  isWithinSql,
  KIND,
  numberedSql,
  orderHashSql,
  POSITION,
  READ_COLUMNS,
} from './identity-sql.ts';
import { COMPACT_ROWS_MIN, checkpointState, STATE } from './state.ts';

const TABLE = `${STATE}.identities`;

/**
 * Decides about rows by the identities that were received before them. They are in the table `identities` of the state
 * file: a row for each identity of a row of the log (only what repeats an earlier one has its place, to be found again),
 * and rows of kind `decoded` that tell up to which offset a partition is decided. One INSERT, so one transaction, has
 * all of a batch.
 */
export class IdentityDeduplicator implements Deduplicator {
  readonly #connection: Connection;
  readonly #compactRowsMin: number;
  /** Generation of the database that the fields below were read in. */
  #generation = -1;
  /** Offset after the last decided one, by partition. */
  #decoded = new Map<number, Offset>();
  #maxReceivedMs = 0;
  /** Rows of the table: now, and at the last look for some that can be forgotten. */
  #rows = { now: 0, looked: 0 };
  readonly #oneByOne = pLimit(1);

  /** `connection`: of its own, with the state file. */
  constructor(connection: Connection, compactRowsMin = COMPACT_ROWS_MIN) {
    this.#connection = connection;
    this.#compactRowsMin = compactRowsMin;
  }

  decide(batch: TypedBatch, archive: ArchiveReader, keepFrom: Positions): Promise<void> {
    return this.#oneByOne(() => this.#decide(batch, archive, keepFrom));
  }

  async #decide(batch: TypedBatch, archive: ArchiveReader, keepFrom: Positions): Promise<void> {
    await this.#catchUp();
    await this.#restore(archive, [
      ...Object.keys(keepFrom).map(Number),
      // One that was given away while the batch was decoded is not in keepFrom any more. It may come back.
      ...batch.ranges.map(({ partition }) => partition),
    ]);
    const at = (partition: number) => this.#decoded.get(partition) ?? 0;
    const again = batch.ranges.flatMap(({ partition, start, end }) =>
      start < at(partition) ? [{ partition, start, end: Math.min(end, at(partition)) }] : [],
    );
    const fresh = batch.ranges.filter(({ partition, end }) => end > at(partition));
    const isFresh = again.length > 0 ? `NOT ${within(again)}` : 'true';
    const isRepeating = fresh.length > 0 && (await this.#findRepeated(batch, isFresh));
    if (isRepeating || again.length > 0) await this.#mark(batch, isRepeating, again);
    if (fresh.length === 0) return;
    const identities = identitiesSql(batch.rowsSql, isFresh);
    await this.#insert(
      isRepeating
        ? `SELECT kind, hash, coalesce(nth, 1), received_ms, CASE WHEN lines THEN source END,
             ${placeOf('repeats')}, coalesce(repeats, false)
           FROM ${identities} LEFT JOIN decided USING (kind, ${POSITION})`
        : `SELECT kind, hash, 1, received_ms, CASE WHEN lines THEN source END, NULL, NULL, NULL, false FROM ${identities}`,
      fresh,
    );
    this.#maxReceivedMs = Math.max(this.#maxReceivedMs, batch.maxReceivedAtMs);
    await this.#compact(keepFrom);
  }

  /**
   * Temp tables `repeated`: hashes that occur more than once, which nearly no batch has, and `decided`: the rows of the batch
   * with these. Gives whether there are any.
   */
  async #findRepeated({ rowsSql }: TypedBatch, isFresh: string): Promise<boolean> {
    const hashes = `(SELECT identity AS hash FROM ${rowsSql} WHERE identity IS NOT NULL AND ${isFresh}
      UNION ALL SELECT order_hash FROM ${rowsSql} WHERE order_hash IS NOT NULL AND ${isFresh})`;
    const repeated = await this.#make(
      'repeated',
      `WITH hashes AS MATERIALIZED ${hashes}
       SELECT hash FROM hashes GROUP BY hash HAVING count(*) > 1
       UNION SELECT hash FROM ${TABLE} WHERE hash IN (SELECT hash FROM hashes)`,
    );
    if (repeated === 0) return false;
    const rows = `(SELECT * FROM ${identitiesSql(rowsSql, isFresh)} SEMI JOIN repeated USING (hash))`;
    await this.#make(
      'decided',
      `SELECT kind, ${POSITION}, nth, coalesce(${isWithinSql('kind', 'gap_ms')}, false) AS repeats FROM (
         SELECT *, ${gapSql('is_new, received_ms')} AS gap_ms
         FROM (
           SELECT kind, hash, nth, received_ms, true AS is_new, ${POSITION} FROM ${numberedSql(rows, TABLE)}
           UNION ALL
           SELECT kind, hash, nth, max(received_ms), false, -1, -1, 0 FROM ${TABLE} SEMI JOIN repeated USING (hash)
           WHERE kind <> ${KIND.decoded} GROUP BY kind, hash, nth
         )
       ) WHERE is_new`,
    );
    return true;
  }

  /** Writes into the batch what was decided now, and for the ranges `again` what was decided before. */
  async #mark(
    { rowsSql, table }: TypedBatch,
    isRepeating: boolean,
    again: readonly OffsetRange[],
  ): Promise<void> {
    const sources = [
      ...(isRepeating ? [`SELECT kind, ${POSITION} FROM decided WHERE repeats`] : []),
      ...(again.length > 0
        ? [
            `SELECT kind, ${POSITION} FROM ${TABLE} WHERE repeats AND kind <> ${KIND.decoded} AND ${within(again)}`,
          ]
        : []),
    ];
    await this.#connection.run(`UPDATE ${table} AS batch
      SET duplicate = known.duplicate, new_order = CASE WHEN batch.new_order IS NOT NULL THEN false END
      FROM (SELECT "row", bool_or(kind <> ${KIND.order}) AS duplicate
        FROM ${rowsSql} JOIN (${sources.join(' UNION ALL ')}) AS decisions USING (${POSITION}) GROUP BY ALL) AS known
      WHERE batch.rowid = known."row"`);
  }

  /** Reads what the archive has of these partitions past what is decided: the state was lost, or others wrote it. */
  async #restore(archive: ArchiveReader, partitions: readonly number[]): Promise<void> {
    const missing = [...new Set(partitions)].flatMap((partition) => {
      const start = this.#decoded.get(partition) ?? 0;
      const end = archive.position(partition);
      return end > start ? [{ partition, start, end }] : [];
    });
    if (missing.length === 0) return;
    const receivedMaxMs = Math.max(this.#maxReceivedMs, archive.receivedExtentMs()?.[1] ?? 0);
    const sinceMs = receivedMaxMs - IDENTITIES_KEPT_MS;
    const columns = [...READ_COLUMNS, 'received_at', 'source', POSITION, 'duplicate', 'new_order'];
    const select = (files: string) =>
      `SELECT ${identityHashSql(identifier)} AS identity, ${orderHashSql(identifier)} AS order_hash, ${columns.join(', ')}
       FROM ${files}`;
    await archive.withFiles(
      'events',
      { receivedMs: [[sinceMs, Number.MAX_SAFE_INTEGER]], ranges: missing },
      (paths) =>
        tempOfFiles(
          this.#connection,
          'archived',
          select(`(${EMPTY_EVENTS})`),
          paths,
          (files) =>
            `${select(files)} WHERE received_at >= ${instant(sinceMs)} AND (event_id IS NOT NULL OR order_id IS NOT NULL) AND ${within(missing)}`,
        ),
    );
    const repeats = `CASE $of WHEN 'own' THEN coalesce(duplicate, false) ELSE coalesce(NOT new_order, false) END`;
    const rows = `(SELECT * FROM ${identitiesSql('archived', 'true', { repeats })} WHERE repeats OR ${isRecentSql(receivedMaxMs)})`;
    await this.#insert(
      `SELECT kind, hash, nth, received_ms, CASE WHEN lines THEN source END, ${placeOf('repeats')}, repeats FROM ${numberedSql(rows, TABLE)}`,
      missing,
    );
    await this.#connection.run('DROP TABLE archived');
    this.#maxReceivedMs = receivedMaxMs;
  }

  /** One statement: what was found of the ranges, and that they are decided. */
  async #insert(identities: string, ranges: readonly OffsetRange[]): Promise<void> {
    const ends = ranges.map(
      ({ partition, end }) =>
        `(${KIND.decoded}, NULL, NULL, ${this.#maxReceivedMs}, NULL, ${partition}, ${end}, 0, false)`,
    );
    const { Count: rows } = await this.#connection.row<{ Count: number }>(
      `INSERT INTO ${TABLE} ${identities} UNION ALL VALUES ${ends.join(', ')}`,
    );
    this.#rows.now += rows;
    for (const { partition, end } of ranges) this.#decoded.set(partition, end);
  }

  /** Forgets what can't be repeated any more, where that is a good part. What repeats is kept as long as it may be taken from the log once more. */
  async #compact(keepFrom: Positions): Promise<void> {
    const { now, looked } = this.#rows;
    if (now - looked <= Math.max(this.#compactRowsMin, looked / 4)) return;
    const isLogged = Object.entries(keepFrom).map(
      ([partition, from]) => `(log_partition = ${partition} AND log_offset >= ${from})`,
    );
    const isKept = `kind <> ${KIND.decoded} AND (${isRecentSql(this.#maxReceivedMs)} OR (repeats AND (${[...isLogged, 'false'].join(' OR ')})))`;
    const { kept } = await this.#connection.row<{ kept: number }>(
      `SELECT count(*) AS kept FROM ${TABLE} WHERE ${isKept}`,
    );
    if (kept > now / 2) {
      this.#rows.looked = now;
      return;
    }
    const ends = [...this.#decoded].map(
      ([partition, to]) =>
        `(${KIND.decoded}, NULL, NULL, ${this.#maxReceivedMs}, NULL, ${partition}, ${to}, 0, false)`,
    );
    await this.#connection.run(`CREATE OR REPLACE TABLE ${TABLE} AS
      SELECT * FROM ${TABLE} WHERE ${isKept}
      UNION ALL VALUES ${ends.join(', ')}`);
    await checkpointState(this.#connection);
    await this.#count();
  }

  /** Reads the state again where the database was opened again: it may have been lost, or the last batch of it. */
  async #catchUp(): Promise<void> {
    await this.#connection.ready();
    const { generation } = this.#connection;
    if (generation === this.#generation) return;
    const rows = await this.#connection.rows<{ partition: number; next: number; received_ms: number }>(
      `SELECT log_partition AS partition, max(log_offset) AS next, max(received_ms) AS received_ms FROM ${TABLE}
       WHERE kind = ${KIND.decoded} GROUP BY log_partition`,
    );
    this.#decoded = new Map(rows.map(({ partition, next }) => [partition, next]));
    this.#maxReceivedMs = rows.reduce((max, row) => Math.max(max, row.received_ms), 0);
    await this.#count();
    this.#generation = generation;
  }

  async #count(): Promise<void> {
    const { n } = await this.#connection.row<{ n: number }>(`SELECT count(*) AS n FROM ${TABLE}`);
    this.#rows = { now: n, looked: n };
  }

  /** Makes a temp table; gives the number of its rows. */
  async #make(name: string, sql: string): Promise<number> {
    const { Count: rows } = await this.#connection.row<{ Count: number }>(
      `CREATE OR REPLACE TEMP TABLE ${name} AS ${sql}`,
    );
    return rows;
  }
}

/** The place of a row where `condition` holds: only that is looked for. */
function placeOf(condition: string): string {
  return POSITION.split(', ')
    .map((column) => `CASE WHEN ${condition} THEN ${column} END`)
    .join(', ');
}
