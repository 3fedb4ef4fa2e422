import { localDayStartOfMs } from '../../event/time-zone.ts';
import type { TimeRange } from '../aggregates.ts';
import type { RebuildRange } from '../engine.ts';
import type { Pass } from '../plan.ts';
import { windowEndMs } from '../window.ts';
import type { Connection } from './database.ts';
import { lateTable, stateTable } from './merge.ts';
import { STATE } from './state.ts';
import { HASHES, HISTOGRAMS, SKETCHES, sumsTable, type Tables, windowIndex } from './tables.ts';

/** The windows that are computed again: they are in the temp table `selected`, and whole local days at a time. */

/** Starts of local days, ms. */
export type Days = number[];

/** From the local day that the range begins in to the end of the one that it ends in. */
export function wholeDays(range: RebuildRange | null, timeZone: string): TimeRange {
  if (!range) return { fromMs: -Infinity, toMs: Infinity };
  const lastDay = localDayStartOfMs(timeZone, range.toMs - 1);
  return {
    fromMs: localDayStartOfMs(timeZone, range.fromMs),
    toMs: windowEndMs('1d', lastDay, timeZone),
  };
}

/** Local days of the extent (smallest and largest time) that are within the range. */
export function receivedDays(
  extentMs: readonly [number, number] | null,
  range: RebuildRange | null,
  timeZone: string,
): Days {
  if (!extentMs) return [];
  const selected = wholeDays(range, timeZone);
  const days: Days = [];
  let day = localDayStartOfMs(timeZone, Math.max(extentMs[0], selected.fromMs));
  while (day <= extentMs[1] && day < selected.toMs) {
    days.push(day);
    day = windowEndMs('1d', day, timeZone);
  }
  return days;
}

/** The days, in order, as time ranges, neighbours joined. */
export function dayRanges(days: Days, timeZone: string): TimeRange[] {
  const ranges: TimeRange[] = [];
  for (const fromMs of days) {
    const toMs = windowEndMs('1d', fromMs, timeZone);
    const last = ranges.at(-1);
    if (last?.toMs === fromMs) last.toMs = toMs;
    else ranges.push({ fromMs, toMs });
  }
  return ranges;
}

/** Temp table `selected`: every window that starts in one of the days. */
export async function wantDays(connection: Connection, days: Days, timeZone: string): Promise<void> {
  const ranges = dayRanges(days, timeZone).map(
    ({ fromMs, toMs }) => `(${fromMs / 60_000}, ${toMs / 60_000})`,
  );
  const starts = days.map((day) => `(${day / 60_000})`);
  // In zones off by half an hour an hour can straddle the edge of a day; it belongs to the day it starts in.
  await connection.run(`CREATE OR REPLACE TEMP TABLE selected AS
    WITH days AS (FROM (VALUES ${ranges.join(', ')}) AS days(low, high))
    SELECT ${windowIndex('1m')}::TINYINT AS win, unnest(range(low, high))::INTEGER AS start FROM days
    UNION ALL SELECT ${windowIndex('1h')}, unnest(range((low + 59) // 60 * 60, high, 60)) FROM days
    UNION ALL FROM (SELECT ${windowIndex('1d')}, col0 FROM (VALUES ${starts.join(', ')}))`);
}

/** Local days within the range (whole days) of which the state holds rows. */
export async function storedDays(
  connection: Connection,
  tables: Tables,
  passes: readonly Pass[],
  { fromMs, toMs }: TimeRange,
  timeZone: string,
): Promise<Days> {
  const slots = tables
    .ofKind('additive', passes)
    .map((pass) => `SELECT start // 15 * 15 AS m FROM ${stateTable(sumsTable(pass))}`);
  const minutes = await connection.rows<{ m: number }>(`FROM (${slots.join(' UNION ')}) ORDER BY m`);
  const days: Days = [];
  let dayEndMs = -Infinity;
  for (const { m } of minutes) {
    if (m * 60_000 < dayEndMs) continue;
    const day = localDayStartOfMs(timeZone, m * 60_000);
    dayEndMs = windowEndMs('1d', day, timeZone);
    if (day >= fromMs && day < toMs) days.push(day);
  }
  return days;
}

/** Takes what the state holds of the selected windows of the passes out of it. */
export async function dropWanted(
  connection: Connection,
  tables: Tables,
  passes: readonly Pass[],
): Promise<void> {
  const selected = '(win, start) IN (SELECT (win, start) FROM selected)';
  for (const pass of tables.ofKind('additive', passes))
    await connection.run(`DELETE FROM ${stateTable(sumsTable(pass))} WHERE ${selected}`);
  const ids = passes.map((pass) => tables.idOf(pass)).join(', ');
  for (const table of [HISTOGRAMS, HASHES, SKETCHES])
    await connection.run(`DELETE FROM ${stateTable(table)} WHERE pass IN (${ids}) AND ${selected}`);
}

/** Takes the selected windows from those that wait: they are done. */
export async function dropWaiting(connection: Connection, tables: Tables): Promise<void> {
  const names = tables.all.filter(({ name }) => name !== SKETCHES).map(({ name }) => lateTable(name));
  for (const table of [...names, `${STATE}.dirty`])
    await connection.run(`DELETE FROM ${table} WHERE (win, start) IN (SELECT (win, start) FROM selected)`);
}

/** Days in order, in groups of at most `daysMax` with at most `rowsMax` rows, or of one day that has more. */
export function grouped(
  days: Days,
  rowsOf: (day: number) => number,
  rowsMax: number,
  daysMax: number,
): Days[] {
  const groups: Days[] = [];
  let rows = 0;
  for (const day of days.toSorted((a, b) => a - b)) {
    const last = groups.at(-1);
    if (last && rows + rowsOf(day) <= rowsMax && last.length < daysMax) {
      last.push(day);
      rows += rowsOf(day);
    } else {
      groups.push([day]);
      rows = rowsOf(day);
    }
  }
  return groups;
}
