import { eventsInput, linesInput, qualityInput } from '../pass-sql.ts';
import { DUCKDB_DIALECT } from './dialect.ts';

/** Columns of the events table that the metrics read. */
export const METRIC_COLUMNS = `event_time, event_type, user_id, visitor_id, session_id, product_id, product_name, quantity, price, amount, currency, items,
  device_type, response_time, status_code, received_at, source, extra`;

/**
 * Input of the metrics over events: `rows` has the columns of the events table. A subquery, as a table of it would cost
 * more than reading the rows again for each pass, which takes the few columns that it needs.
 */
export function eventsInputSql(rows: string): string {
  return eventsInput(DUCKDB_DIALECT, rows);
}

/** Input of the metrics over lines of orders; `events` is that of the events. */
export function linesInputSql(events: string): string {
  return linesInput(DUCKDB_DIALECT, events);
}

/**
 * Input of the metrics over quality: `bad` are the rejected rows, `events` those of the events table, duplicates among them.
 */
export function qualityInputSql(bad: string, events: string): string {
  return qualityInput(DUCKDB_DIALECT, { bad, events });
}
