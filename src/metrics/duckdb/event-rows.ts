import type { EventReader, RawEvent } from '../../decode/batch.ts';
import { EXCLUDED } from '../../decode/identity.ts';
import { within } from './archive-rows.ts';
import { type Connection, quote } from './database.ts';
import { readingFiles } from './parquet-files.ts';

/** So many events are in memory at a time. */
const CHUNK_ROWS = 10_000;

const COLUMNS = `epoch_ms(event_time) AS "timeMs", log_partition AS "partition", log_offset AS "offset", log_line AS "line",
  event_type AS "eventType", device_type AS "deviceType", status_code AS "statusCode", user_id AS "userId",
  product_id AS "productId", response_time AS "responseTime"`;

/** Reads events in pieces, by a connection of its own: nobody waits while they are written elsewhere. */
export function createEventReader(connection: Connection): EventReader {
  return {
    async *events(batch) {
      for (let from = 0; ; from += CHUNK_ROWS) {
        const rows = await connection.rows<RawEvent>(
          `SELECT ${COLUMNS} FROM ${batch.rowsSql} WHERE reason IS NULL AND NOT excluded
           ORDER BY log_partition, log_offset, log_line LIMIT ${CHUNK_ROWS} OFFSET ${from}`,
        );
        if (rows.length > 0) yield rows;
        if (rows.length < CHUNK_ROWS) return;
      }
    },

    async *archived(files, range) {
      const isWanted =
        `${within([range])} ` +
        // Other programs may have added rows that lack what an event has.
        `AND event_time IS NOT NULL AND event_type IS NOT NULL AND NOT (${EXCLUDED})`;
      for (const file of files) {
        const { rows } = await connection.row<{ rows: number }>(
          `SELECT count(*) AS rows FROM read_parquet(${quote(file)})`,
        );
        for (let row = 0; row < rows; row += CHUNK_ROWS) {
          const events = await readingFiles(
            [file],
            (relation) =>
              connection.rows<RawEvent>(
                `SELECT ${COLUMNS} FROM ${relation}
                 WHERE file_row_number >= ${row} AND file_row_number < ${row + CHUNK_ROWS} AND ${isWanted}`,
              ),
            ', file_row_number = true',
          );
          if (events.length > 0) yield events;
        }
      }
    },
  };
}
