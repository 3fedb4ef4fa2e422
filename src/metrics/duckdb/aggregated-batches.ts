import { type Aggregates, type ArchiveAggregator, COUNTS, type RowSelection } from '../aggregates.ts';
import type { ArchivedBatches, ArchiveReader } from '../engine.ts';
import { passSql } from '../pass-sql.ts';
import type { Pass } from '../plan.ts';
import { EMPTY_EVENTS } from './archive-rows.ts';
import { numbersOf } from './counts.ts';
import type { Connection } from './database.ts';
import { DUCKDB_DIALECT } from './dialect.ts';
import { eventsInputSql, linesInputSql, qualityInputSql } from './render.ts';

/** Aggregates of each of the passes, computed elsewhere, until `release`. */
export async function aggregatedBy(
  aggregator: ArchiveAggregator,
  archive: ArchiveReader,
  rows: RowSelection,
  passes: readonly Pass[],
): Promise<{ aggregates: Aggregates; release(): Promise<void> }> {
  const { aggregates, release } = await aggregator.compute(archive, rows, passes);
  const missing = passes.filter(({ name }) => aggregates[name] === undefined);
  const empty = Object.fromEntries(missing.map((pass) => [pass.name, emptySql(pass)]));
  return { aggregates: { ...empty, ...aggregates }, release };
}

/** What a pass gives without rows. */
function emptySql(pass: Pass): string {
  const events = eventsInputSql(`(SELECT * FROM (${EMPTY_EVENTS}) WHERE false)`);
  const bad = "(SELECT '' AS reason, now() AS received_at WHERE false)";
  const inputs = { events, lines: linesInputSql(events), quality: qualityInputSql(bad, events) };
  return `(${passSql(pass, DUCKDB_DIALECT, inputs)})`;
}

/** Batches of the tables that are aggregated already; their numbers are read by a connection of its own. */
export function createAggregatedBatches(
  connection: Connection,
  aggregator: ArchiveAggregator,
  passes: readonly Pass[],
): ArchivedBatches {
  const releases = new Map<Aggregates, () => Promise<void>>();
  return {
    linesMax: aggregator.rowsMax,

    async read(archive, ranges) {
      const expected = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
      const { aggregates, release } = await aggregatedBy(aggregator, archive, { ranges, expected }, passes);
      try {
        const numbers = await numbersOf(connection, aggregates[COUNTS]);
        releases.set(aggregates, release);
        return { rowsSql: '', aggregates, ...numbers };
      } catch (error) {
        await release();
        throw error;
      }
    },
    async release({ aggregates }) {
      await releases.get(aggregates!)?.();
      releases.delete(aggregates!);
    },
  };
}
