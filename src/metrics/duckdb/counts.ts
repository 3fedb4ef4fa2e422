import type { TypedRows } from '../../decode/batch.ts';
import { addCount, type CountsBySource } from '../../log/offset.ts';
import type { CountsRow } from '../aggregates.ts';
import type { Connection } from './database.ts';

/** Rows of a relation of rows in numbers, as COUNTS has them. */
export function countsSql(relation: string): string {
  return `(SELECT CASE WHEN reason IS NOT NULL THEN 'bad' WHEN duplicate THEN 'duplicate' WHEN excluded THEN 'excluded' ELSE 'counted' END AS state, source,
      count(*) AS n, least(min(epoch_ms(event_time)), min(epoch_ms(received_at))) // 60000 AS low,
      greatest(max(epoch_ms(event_time)), max(epoch_ms(received_at))) // 60000 AS high, max(epoch_ms(received_at)) AS received_ms
    FROM ${relation} GROUP BY ALL)`;
}

/** Rows of COUNTS; there is no such relation where there were no lines. */
export function countsIn(connection: Connection, counts: string | undefined): Promise<CountsRow[]> {
  return counts === undefined ? Promise.resolve([]) : connection.rows<CountsRow>(`FROM ${counts}`);
}

/** What a batch says of its lines, by COUNTS. */
export async function numbersOf(
  connection: Connection,
  counts: string | undefined,
): Promise<Pick<TypedRows, 'lines' | 'badLines' | 'sources' | 'maxReceivedAtMs'>> {
  const sources: CountsBySource = {};
  const sum = { lines: 0, badLines: 0, maxReceivedAtMs: 0 };
  for (const { state, source, n, received_ms: receivedMs } of await countsIn(connection, counts)) {
    addCount(sources, source, n);
    sum.lines += n;
    if (state === 'bad') sum.badLines += n;
    sum.maxReceivedAtMs = Math.max(sum.maxReceivedAtMs, receivedMs);
  }
  return { ...sum, sources };
}
