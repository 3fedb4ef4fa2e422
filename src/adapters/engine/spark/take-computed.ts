import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { localDayStartOfMs } from '../../../domain/time-zone.ts';
import { windowEndMs } from '../../../domain/window.ts';
import { DISTINCT_ERROR, type Metric } from '../../../metrics/definition.ts';
import type { RebuildResult } from '../../../ports/engine.ts';
import type { Connection } from '../duckdb/database.ts';
import { comparePoints } from '../duckdb/difference.ts';
import type { Commit } from '../duckdb/recompute.ts';
import { STATE } from '../duckdb/state.ts';
import { type Days, dropWanted, storedDays, type TimeRange, wantDays } from '../duckdb/wanted.ts';
import { type PointValue, sortValues } from './point-records.ts';
import { LATER, newPointsSql, newTables, putSql, writeNew } from './points-sql.ts';

/** Points that are taken at a time; more where a day has more. */
const CHUNK_VALUES_MIN = 100_000;

/** Points of a range that Spark has computed from the archive. */
export interface Computed {
  /** File with a value on each line, in the order of their start. */
  output: string;
  /** Whole days. */
  range: TimeRange;
  /** Version of the newest points when it began. */
  since: number;
  /** Only compare. */
  diff: boolean;
}

export type Exclusive = <T>(work: () => Promise<T>) => Promise<T>;

interface Store {
  connection: Connection;
  catalogue: readonly Metric[];
  timeZone: string;
  tempDir: string;
  /** Runs work while nobody else writes. */
  exclusive: Exclusive;
  commit: Commit;
}

/**
 * Puts computed points in the place of those of the range, or compares them. Others may write meanwhile: days of which a
 * point has changed since it began are left as they are, and named in the result.
 */
export async function takeComputed(
  store: Store,
  { output, range, since, diff }: Computed,
): Promise<RebuildResult & { changedDays: Days }> {
  const { connection, catalogue, timeZone, tempDir, exclusive, commit } = store;
  const result = { windows: 0, differences: 0, examples: [], changedDays: [] as Days };
  const stored = await exclusive(() => storedDays(connection, catalogue, range, timeZone));
  for await (const chunk of chunksOf(output, range, timeZone)) {
    const isInside = (day: number) => day >= chunk.fromMs && day < chunk.toMs;
    await exclusive(async () => {
      const changed = new Set(await changedDays(store, chunk, since));
      const all = new Set([...stored.filter(isInside), ...chunk.days, ...changed]);
      const days = [...all].filter((day) => !changed.has(day)).sort((a, b) => a - b);
      result.changedDays.push(...changed);
      if (days.length === 0) return;
      await wantDays(connection, days, timeZone);
      const tables = catalogue.flatMap((metric) => newTables(metric, 'SEMI JOIN wanted USING (win, start)'));
      await writeNew(tempDir, tables, sortValues(chunk.values));
      for (const { create } of tables) await connection.run(create(tempDir));
      if (diff) {
        const options = { rebuilt: newPointsSql, distinctErrorMax: 2 * DISTINCT_ERROR };
        return comparePoints(connection, catalogue, result, options);
      }
      await commit(async (version) => {
        for (const metric of catalogue) {
          await dropWanted(connection, metric);
          for (const sql of putSql(metric, version)) await connection.run(sql);
          const { n } = await connection.row<{ n: number }>(
            `SELECT count(*) AS n FROM (SELECT DISTINCT win, start FROM (${newPointsSql(metric)}))`,
          );
          result.windows += n;
        }
      });
    });
  }
  return result;
}

/** Days with a point newer than the version, or a window that is dirty. */
async function changedDays(
  { connection, catalogue, timeZone }: Store,
  range: TimeRange,
  since: number,
): Promise<Days> {
  const days = new Set(await storedDays(connection, catalogue, range, timeZone, since));
  const dirty = await connection.rows<{ start: number }>(
    `SELECT start FROM ${STATE}.dirty UNION SELECT start FROM ${LATER}`,
  );
  for (const { start } of dirty) {
    const day = localDayStartOfMs(timeZone, start * 60_000);
    if (day >= range.fromMs && day < range.toMs) days.add(day);
  }
  return [...days];
}

/** The values of a file in pieces of whole days, which follow each other over the whole range. */
async function* chunksOf(file: string, range: TimeRange, timeZone: string) {
  const next = (fromMs: number) => ({
    fromMs,
    toMs: range.toMs,
    days: [] as Days,
    values: [] as PointValue[],
  });
  let chunk = next(range.fromMs);
  let dayEndMs = -Infinity;
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    const value = JSON.parse(line) as PointValue;
    if (value.start_ms >= dayEndMs) {
      const day = localDayStartOfMs(timeZone, value.start_ms);
      if (chunk.values.length >= CHUNK_VALUES_MIN) {
        yield { ...chunk, toMs: day };
        chunk = next(day);
      }
      chunk.days.push(day);
      dayEndMs = windowEndMs('1d', day, timeZone);
    }
    chunk.values.push(value);
  }
  yield chunk;
}
