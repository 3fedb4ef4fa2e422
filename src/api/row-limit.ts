import type { MetricQuery, MetricResult, MetricsStore } from '../metrics/metrics-store.ts';
import { ApiError } from '../telemetry/errors.ts';
import type { Ledger } from '../telemetry/ledger.ts';
import type { QueryAnswer } from './backend.ts';

/** Most rows of one answer: it is built in memory, and so are the pages that show it. */
const ROWS_MAX = 200_000;

/** The result; throws ApiError when it has more rows than one answer may have. */
export function withinRows(result: MetricResult, rowsMax = ROWS_MAX): MetricResult {
  if (result.rows.length <= rowsMax && (result.total?.length ?? 0) <= rowsMax) return result;
  throw new ApiError(
    'too_many_rows',
    `The answer would have more than ${rowsMax} rows. Ask for a shorter range or a larger window, or with total for the best keys only (top).`,
  );
}

/** The rows of a metric, and how many lines had been received and not counted when they were read. */
export async function queryWithin(
  { store, consumers }: { store: Pick<MetricsStore, 'query'>; consumers: { ledger(): Ledger } },
  query: MetricQuery,
): Promise<QueryAnswer> {
  const { in_flight } = consumers.ledger().metrics;
  return { in_flight, ...withinRows(await store.query({ ...query, rowsMax: ROWS_MAX })) };
}
