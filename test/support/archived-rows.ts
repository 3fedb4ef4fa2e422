import { parseMoney } from '../../src/event/values.ts';
import { Database } from '../../src/metrics/duckdb/database.ts';
import { readAnyFiles } from '../../src/metrics/duckdb/parquet-files.ts';
import type { ArchiveReader } from '../../src/metrics/engine.ts';
import type { ReferenceFlags, ReferenceLine } from './reference-metrics.ts';

/** What the archive has of an event, as far as the rule about duplicates needs it. */
export interface ArchivedRow extends ReferenceFlags {
  /** `partition-offset` */
  place: string;
  timeMs: number;
  receivedAtMs: number;
  source: string;
  eventType: string;
  eventId: string | null;
  orderId: string | null;
  productId: string | null;
  quantity: number | null;
  amount: string | null;
  price: string | null;
}

/** The events of the archive in the folder, in the order of receipt. */
export async function archivedRows(archive: ArchiveReader, dir: string): Promise<ArchivedRow[]> {
  const options = { directories: [`${dir}/`], threads: 1, memoryMb: 200, tempDir: `${dir}/temp` };
  const database = await Database.open(options);
  try {
    const connection = await database.connect();
    return await archive.withFiles('events', {}, (paths) =>
      connection.rows<ArchivedRow>(
        `SELECT concat(log_partition, '-', log_offset) AS place, epoch_ms(event_time) AS "timeMs",
           epoch_ms(received_at) AS "receivedAtMs", source, event_type AS "eventType", event_id AS "eventId", order_id AS "orderId",
           product_id AS "productId", CAST(quantity AS DOUBLE) AS quantity, CAST(amount AS VARCHAR) AS amount, CAST(price AS VARCHAR) AS price, duplicate,
           new_order AS "newOrder"
         FROM ${readAnyFiles(paths)} ORDER BY received_at, log_partition, log_offset`,
      ),
    );
  } finally {
    await database.close();
  }
}

/** What the archive says of each event. */
export function flagsOf(rows: readonly ArchivedRow[]): Record<string, ReferenceFlags> {
  return Object.fromEntries(rows.map(({ place, duplicate, newOrder }) => [place, { duplicate, newOrder }]));
}

export function linesOf(rows: readonly ArchivedRow[]): ReferenceLine[] {
  const money = (text: string | null) => (text === null ? null : (parseMoney(text) as bigint));
  return rows.map(({ receivedAtMs, source, amount, price, ...row }) => ({
    receivedAtMs,
    source,
    event: {
      ...row,
      ...{ amount: money(amount), price: money(price), currency: null, userId: null, sessionId: null },
      ...{ deviceType: null, responseTimeMs: null, statusCode: null },
    },
  }));
}
