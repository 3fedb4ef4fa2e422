import type { MetricResult } from '../metrics/metrics-store.ts';
import { ApiError } from '../telemetry/errors.ts';

/** Most rows of one answer: it is built in memory, and so are the pages that show it. */
export const ROWS_MAX = 200_000;

/** The result; throws ApiError when it has more rows than one answer may have. */
export function withinRows(result: MetricResult, rowsMax = ROWS_MAX): MetricResult {
  if (result.rows.length <= rowsMax && (result.total?.length ?? 0) <= rowsMax) return result;
  throw new ApiError(
    'too_many_rows',
    `The answer would have more than ${rowsMax} rows. Ask for a shorter range or a larger window, or with total for the best keys only (top).`,
  );
}
