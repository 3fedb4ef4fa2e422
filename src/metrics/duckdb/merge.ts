import type { Aggregates } from '../aggregates.ts';
import { DISTINCT_EXACT_MAX, ofTime } from '../definition.ts';
import type { AdditivePass, DistinctPass, HistogramPass, Pass } from '../plan.ts';
import { openFromMs, WINDOWS, type WindowSize, windowStartMs } from '../window.ts';
import { type Connection, identifier } from './database.ts';
import { LocalDays } from './local-days.ts';
import { STATE } from './state.ts';
import {
  HASHES,
  HISTOGRAMS,
  manyQuantilesSql,
  mergedSql,
  quantileSql,
  type Relations,
  SKETCHES,
  sumsTable,
  type Tables,
  windowIndex,
} from './tables.ts';

/** Minutes that the slots lie in, both included. */
export interface Minutes {
  low: number;
  high: number;
}

/** Which windows are selected: condition on the slots of windows of a size, '' for all; null for none of them. */
type Keep = (size: WindowSize) => string | null;

export interface MergeOptions {
  minutes: Minutes;
  openFrom: OpenFrom;
  version: number;
  /** There are few rows: the time goes to planning of statements, so these are kept simple. */
  isSmall?: boolean;
}

/** First window starts that are open, in minutes. */
export type OpenFrom = Readonly<Record<WindowSize, number>>;

/** What is open when received-at has reached `maxReceivedAtMs`. */
export function openFromAt(maxReceivedAtMs: number, timeZone: string): OpenFrom {
  const minutes = (size: WindowSize) => Math.floor(openFromMs(size, maxReceivedAtMs, timeZone) / 60_000);
  return { '1m': minutes('1m'), '1h': minutes('1h'), '1d': minutes('1d') };
}

export const stateTable: Relations = (table) => `${STATE}.${table}`;
/** Of closed windows, until it is known whether that is all of them. */
export const lateTable: Relations = (table) => `${STATE}.late_${table}`;
/** Temp tables of windows that were computed from the archive. */
export const newTable: Relations = (table) => `new_${table}`;

/** Merges aggregates into windows: the only way by which numbers come into the state. */
export class Merger {
  readonly #connection: Connection;
  readonly #tables: Tables;
  readonly #days: LocalDays;
  readonly #timeZone: string;
  /** Generation of the database in which it was found out whether there are limits. */
  #limitsOf = -1;
  #areLimits = false;

  constructor(connection: Connection, tables: Tables, timeZone: string) {
    this.#connection = connection;
    this.#tables = tables;
    this.#days = new LocalDays(timeZone);
    this.#timeZone = timeZone;
  }

  /** The slots of aggregates over events; null when there are none. */
  async minutesOf(aggregates: Aggregates): Promise<Minutes | null> {
    const slots = this.#passes(aggregates).map(({ name }) => `SELECT m FROM ${aggregates[name]}`);
    const { low, high } = await this.#connection.row<{ low: number | null; high: number | null }>(
      `SELECT min(m) AS low, max(m) AS high FROM (${slots.join(' UNION ALL ')})`,
    );
    return low === null || high === null ? null : { low, high };
  }

  /** Whether a window of the slots may be closed. */
  hasClosed({ low }: Minutes, openFrom: OpenFrom): boolean {
    const startOf = (size: WindowSize) => windowStartMs(size, low * 60_000, this.#timeZone) / 60_000;
    return WINDOWS.some((size) => startOf(size) < openFrom[size]);
  }

  /**
   * Merges aggregates into open windows, and keeps those of closed ones apart (see `closedWindows`). Windows of other inputs than
   * events are always open. In a transaction.
   */
  async merge(aggregates: Aggregates, options: MergeOptions): Promise<void> {
    const { minutes, openFrom, version, isSmall = false } = options;
    const passes = this.#passes(aggregates);
    const isClosable = this.hasClosed(minutes, openFrom);
    // The first open window starts where the last closed one ends, so that slots can be told apart before windows are made.
    const open = this.#windowed(
      aggregates,
      minutes,
      ({ input }) =>
        (size) => {
          if (ofTime(input) !== 'events' || !isClosable) return '';
          return minutes.high < openFrom[size] ? null : `m >= ${openFrom[size]}`;
        },
      isSmall,
    );
    await this.take(passes, open, version, { isSmall, isDistinct: !isSmall });
    if (!isClosable) return;
    const closed = this.#windowed(
      aggregates,
      minutes,
      () => (size) => (minutes.low >= openFrom[size] ? null : `m < ${openFrom[size]}`),
      isSmall,
    );
    const ofEvents = passes.filter(({ input }) => ofTime(input) === 'events');
    for (const table of this.#tablesOf(ofEvents))
      await this.#connection.run(
        `INSERT INTO ${lateTable(table)} SELECT ${this.#tables.columnsOf(table).join(', ')}, ${version} FROM ${closed(table)}`,
      );
  }

  /** Query of the closed windows that `merge` kept apart as this version. */
  closedWindows(version: number): string {
    return this.#tables
      .ofKind('additive')
      .filter(({ input }) => ofTime(input) === 'events')
      .map((pass) => `SELECT win, start FROM ${lateTable(sumsTable(pass))} WHERE version = ${version}`)
      .join(' UNION ');
  }

  /** Puts the windows of aggregates that are in the temp table `selected` into the tables `newTable`. */
  async compute(aggregates: Aggregates, minutes: Minutes): Promise<void> {
    const passes = this.#passes(aggregates);
    const all = this.#windowed(aggregates, minutes, () => () => '');
    for (const table of this.#tablesOf(passes))
      await this.#connection.run(`CREATE OR REPLACE TEMP TABLE ${newTable(table)} AS
        SELECT ${this.#tables.columnsOf(table).join(', ')}, 0::BIGINT AS version
        FROM ${all(table)} SEMI JOIN selected USING (win, start)`);
    const sketches = [
      `SELECT * FROM ${stateTable(SKETCHES)} WHERE false`,
      ...this.#sketches(passes, newTable, 0),
      ...(passes.some(({ kind }) => kind === 'distinct') ? [this.#limits(newTable(HASHES), 0)] : []),
    ];
    await this.#connection.run(
      `CREATE OR REPLACE TEMP TABLE ${newTable(SKETCHES)} AS ${sketches.join(' UNION ALL BY NAME ')}`,
    );
  }

  /** Adds rows of windows to the state. `isDistinct`: none of the hashes is there twice. In a transaction. */
  async take(
    passes: readonly Pass[],
    rows: Relations,
    version: number,
    { isSmall = false, isDistinct = false } = {},
  ): Promise<void> {
    const tables = this.#tables;
    const insert = (table: string, from: string) =>
      this.#connection.run(
        `INSERT INTO ${stateTable(table)} SELECT ${tables.columnsOf(table).join(', ')}, ${version} FROM ${from}`,
      );
    for (const pass of tables.ofKind('additive', passes)) {
      const table = sumsTable(pass);
      await insert(table, rows(table));
    }
    const histograms = tables.ofKind('histogram', passes);
    if (histograms.length > 0) await insert(HISTOGRAMS, rows(HISTOGRAMS));
    const distincts = tables.ofKind('distinct', passes);
    for (const group of isSmall && distincts.length > 0 ? [distincts] : distincts.map((pass) => [pass])) {
      const ids = group.map((pass) => tables.idOf(pass)).join(', ');
      const identity = this.#identityOf(group);
      const known = `(SELECT * FROM ${stateTable(HASHES)} WHERE pass IN (${ids}))`;
      const news = isSmall ? rows(HASHES) : `(SELECT * FROM ${rows(HASHES)} WHERE pass IN (${ids}))`;
      const columns = `${tables.sketchIdentity}, h`;
      const useful = (await this.#hasLimits())
        ? `(SELECT ${columns} FROM ${news} LEFT JOIN (SELECT ${identity}, min(kth) AS kth FROM ${stateTable(SKETCHES)}
            WHERE kth IS NOT NULL AND pass IN (${ids}) GROUP BY ${identity}) USING (${identity}) WHERE kth IS NULL OR h < kth)`
        : news;
      const once = isDistinct ? useful : `(SELECT DISTINCT ${columns} FROM ${useful})`;
      await insert(HASHES, `${once} ANTI JOIN ${known} USING (${identity}, h)`);
    }
    const sketches = this.#sketches(passes, stateTable, version, isSmall);
    if (sketches.length === 0) return;
    await this.#connection.run(
      `INSERT INTO ${stateTable(SKETCHES)} BY NAME (${sketches.join(' UNION ALL BY NAME ')})`,
    );
    if (distincts.length > 0) await this.#noteLimits(version);
  }

  /** Columns that tell the sketches of the passes apart. */
  #identityOf(passes: readonly Pass[]): string {
    const keys = passes.reduce((most, pass) => Math.max(most, pass.keys.length), 0);
    return ['pass', 'win', 'start', ...this.#tables.sketchKeys.slice(0, keys)].join(', ');
  }

  /** Whether any window has had so many hashes that some are of no use. */
  async #hasLimits(): Promise<boolean> {
    const { generation } = this.#connection;
    if (this.#limitsOf !== generation) {
      const { n } = await this.#connection.row<{ n: number }>(
        `SELECT count(kth) AS n FROM ${stateTable(SKETCHES)}`,
      );
      this.#areLimits = n > 0;
      this.#limitsOf = generation;
    }
    return this.#areLimits;
  }

  /** Only windows with very many distinct values have a limit, so most batches have nothing to note. */
  async #noteLimits(version: number): Promise<void> {
    const identity = this.#tables.sketchIdentity;
    const touched = `(SELECT DISTINCT ${identity} FROM ${stateTable(SKETCHES)} WHERE version = ${version} AND n > 0)`;
    const counts = `SELECT ${identity}, sum(n) AS n FROM ${stateTable(SKETCHES)} SEMI JOIN ${touched} USING (${identity}) GROUP BY ALL`;
    const { crowded } = await this.#connection.row<{ crowded: boolean | null }>(
      `SELECT bool_or(n > ${DISTINCT_EXACT_MAX}) AS crowded FROM (${counts})`,
    );
    if (!crowded) return;
    this.#areLimits = true;
    const hashes = `(SELECT * FROM ${stateTable(HASHES)} SEMI JOIN (SELECT * FROM (${counts}) WHERE n > ${DISTINCT_EXACT_MAX}) USING (${identity}))`;
    await this.#connection.run(
      `INSERT INTO ${stateTable(SKETCHES)} BY NAME (${this.#limits(hashes, version)})`,
    );
  }

  /** Rows of sketches: the largest useful hash of crowded windows. */
  #limits(hashes: string, version: number): string {
    const identity = this.#tables.sketchIdentity;
    return `SELECT ${identity}, list_sort(list(h))[${DISTINCT_EXACT_MAX}] AS kth, ${version}::BIGINT AS version
      FROM ${hashes} GROUP BY ${identity} HAVING count(*) > ${DISTINCT_EXACT_MAX}`;
  }

  /** Queries of rows of sketches: what follows from histograms and hashes that came as a version. */
  #sketches(passes: readonly Pass[], of: Relations, version: number, isSmall = false): string[] {
    const tables = this.#tables;
    const identity = tables.sketchIdentity;
    const quantiles = tables.ofKind('histogram', passes).map((pass) => {
      const ofPass = `${of(HISTOGRAMS)} WHERE pass = ${tables.idOf(pass)}`;
      const touched = `(SELECT * FROM ${of(HISTOGRAMS)} SEMI JOIN (SELECT DISTINCT ${identity} FROM ${ofPass} AND version = ${version}) USING (${identity}))`;
      const named = pass.quantiles.map((q, index) => ({ q, name: tables.quantiles[index]! }));
      const found = isSmall ? quantileSql : manyQuantilesSql;
      return `SELECT *, ${version}::BIGINT AS version FROM (${found(named, identity.split(', '), touched)})`;
    });
    const distincts = tables.ofKind('distinct', passes);
    const groups = isSmall && distincts.length > 0 ? [distincts] : distincts.map((pass) => [pass]);
    const counts = groups.map((group) => {
      const known = this.#identityOf(group);
      const padding = identity.slice(known.length).replaceAll(/k\d+/g, "'' AS $&");
      const ids = group.map((pass) => tables.idOf(pass)).join(', ');
      return `SELECT ${known}${padding}, count(*) AS n, ${version}::BIGINT AS version FROM ${of(HASHES)}
        WHERE version = ${version} AND pass IN (${ids}) GROUP BY ${known}`;
    });
    return [...quantiles, ...counts];
  }

  #passes(aggregates: Aggregates): Pass[] {
    return this.#tables.plan.passes.filter(({ name }) => aggregates[name] !== undefined);
  }

  /** Tables that rows of the passes go to; sketches follow from them. */
  #tablesOf(passes: readonly Pass[]): string[] {
    const names = this.#tables.ofKind('additive', passes).map(sumsTable);
    if (passes.some(({ kind }) => kind === 'histogram')) names.push(HISTOGRAMS);
    if (passes.some(({ kind }) => kind === 'distinct')) names.push(HASHES);
    return names;
  }

  /** Aggregates as rows of windows, by table. */
  #windowed(
    aggregates: Aggregates,
    minutes: Minutes,
    keepOf: (pass: Pass) => Keep,
    isSmall = false,
  ): Relations {
    const passes = this.#passes(aggregates);
    const rows = (pass: Pass) =>
      this.#windowedSql(pass, aggregates[pass.name]!, minutes, keepOf(pass), isSmall);
    return (table) => {
      if (table === HISTOGRAMS) return union(this.#tables.ofKind('histogram', passes).map(rows));
      if (table === HASHES) return union(this.#tables.ofKind('distinct', passes).map(rows));
      return rows(this.#tables.ofKind('additive', passes).find((pass) => sumsTable(pass) === table)!);
    };
  }

  #windowedSql(pass: Pass, relation: string, minutes: Minutes, keep: Keep, isSmall: boolean): string {
    const day = this.#days.between(minutes.low, minutes.high);
    const [columns, values] = pass.kind === 'additive' ? additiveColumns(pass) : this.#sketchColumns(pass);
    const perWindow = (from: string, start: string) => {
      const groups = [`${start} AS m`, ...columns.names];
      const by = groups.map((_, index) => index + 1).join(', ');
      return `SELECT ${groups.join(', ')}${values} FROM ${from} GROUP BY ${by}`;
    };
    const selected = pass.windows.flatMap((size) => {
      const condition = keep(size);
      return condition === null ? [] : [{ size, condition }];
    });
    const where = (condition: string) => (condition === '' ? '' : ` WHERE ${condition}`);
    const shown = (size: WindowSize) =>
      `SELECT ${columns.pass}${windowIndex(size)}::TINYINT AS win, CAST(m AS INTEGER) AS start, ${columns.shown}`;
    if (isSmall && selected.length > 0) {
      // Rows of slots as they are, once for each window: they are few, and are merged when they are read.
      const cases = (of: (each: (typeof selected)[number]) => string) =>
        `CASE win ${selected.map((each) => `WHEN ${windowIndex(each.size)} THEN ${of(each)}`).join(' ')} END`;
      const starts = { '1m': 'm', '1h': 'm // 60 * 60', '1d': day.sql('m') };
      const kept = selected.some(({ condition }) => condition !== '')
        ? where(cases(({ condition }) => condition || 'true'))
        : '';
      const wins = selected.map(({ size }) => `(${windowIndex(size)}::TINYINT)`).join(', ');
      return `(SELECT ${columns.pass}win, CAST(${cases(({ size }) => starts[size])} AS INTEGER) AS start, ${columns.shown}
        FROM (SELECT m, ${columns.slots} FROM ${relation}), (VALUES ${wins}) AS wins (win)${kept})`;
    }
    const ctes = [
      `slots AS MATERIALIZED (SELECT m, ${columns.slots} FROM ${relation}${where(anyOf(selected.map(({ condition }) => condition)))})`,
    ];
    // A day is made of its hours where it can: there are fewer rows.
    const ofHours = day.onHours && ['1h', '1d'].every((size) => selected.some((each) => each.size === size));
    if (ofHours) ctes.push(`hours AS MATERIALIZED (${perWindow('slots', 'm // 60 * 60')})`);
    const branches = selected.map(({ size, condition }) => {
      if (size === '1m') return `${shown(size)} FROM slots${where(condition)}`;
      if (size === '1h' && ofHours) return `${shown(size)} FROM hours${where(condition)}`;
      const start = size === '1h' ? 'm // 60 * 60' : day.sql('m');
      return `${shown(size)} FROM (${perWindow(`${ofHours ? 'hours' : 'slots'}${where(condition)}`, start)})`;
    });
    if (branches.length === 0) branches.push(`${shown('1m')} FROM slots WHERE false`);
    return `(WITH ${ctes.join(', ')} ${branches.join(' UNION ALL ')})`;
  }

  #sketchColumns(pass: HistogramPass | DistinctPass): readonly [Columns, string] {
    const { sketchKeys } = this.#tables;
    const isDistinct = pass.kind === 'distinct';
    const keys = pass.keys.map(({ column }, index) => `${identifier(column)} AS ${sketchKeys[index]}`);
    const names = [...sketchKeys.slice(0, keys.length), isDistinct ? 'h' : 'bucket'];
    const padding = sketchKeys.slice(keys.length).map((name) => `'' AS ${name}`);
    const value = isDistinct ? [] : ['n'];
    return [
      {
        pass: `${this.#tables.idOf(pass)}::TINYINT AS pass, `,
        slots: [...keys, isDistinct ? 'h' : 'bucket', ...value].join(', '),
        names,
        shown: [...names.slice(0, -1), ...padding, names.at(-1)!, ...value].join(', '),
      },
      isDistinct ? '' : ', CAST(sum(n) AS BIGINT) AS n',
    ];
  }
}

interface Columns {
  /** Select item of the pass, where its table has others too. */
  pass: string;
  /** Of the relation. */
  slots: string;
  /** What is grouped by. */
  names: string[];
  /** Of the table. */
  shown: string;
}

function additiveColumns(pass: AdditivePass): readonly [Columns, string] {
  const names = pass.keys.map(({ column }) => identifier(column));
  const values = pass.values.map(({ column }) => identifier(column));
  const all = [...names, ...values].join(', ');
  const merged = pass.values.map(
    ({ column, of }) => `, ${mergedSql(of, identifier(column))} AS ${identifier(column)}`,
  );
  return [{ pass: '', slots: all, names, shown: all }, merged.join('')];
}

/** '' stands for all rows. */
function anyOf(conditions: readonly string[]): string {
  const distinct = [...new Set(conditions)];
  return distinct.includes('') ? '' : distinct.join(' OR ');
}

const union = (queries: string[]) =>
  `(${queries.map((query) => `SELECT * FROM ${query}`).join(' UNION ALL ')})`;
