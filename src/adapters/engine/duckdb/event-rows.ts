import type { EventReader, RawEvent } from '../../../ports/batch.ts';
import type { Connection } from './database.ts';

/** So many events are in memory at a time. */
const CHUNK_ROWS = 10_000;

/** Reads the good rows of a batch in pieces, by a connection of its own: nobody waits while they are written elsewhere. */
export function createEventReader(connection: Connection): EventReader {
  return {
    async *events(batch) {
      for (let from = 0; ; from += CHUNK_ROWS) {
        const rows = await connection.rows<RawEvent>(
          `SELECT epoch_ms(event_time) AS "timeMs", log_partition AS "partition", log_offset AS "offset", log_line AS "line",
             event_type AS "eventType", device_type AS "deviceType", status_code AS "statusCode", user_id AS "userId",
             product_id AS "productId", response_time AS "responseTime"
           FROM ${batch.relation} WHERE reason IS NULL
           ORDER BY log_partition, log_offset, log_line LIMIT ${CHUNK_ROWS} OFFSET ${from}`,
        );
        if (rows.length > 0) yield rows;
        if (rows.length < CHUNK_ROWS) return;
      }
    },
  };
}
