import type { OffsetRange, TypedRows } from '../../decode/batch.ts';
import { DECISIONS } from '../../decode/identity.ts';
import type { ArchivedBatches, ArchiveReader } from '../engine.ts';
import { EMPTY_EVENTS, eachFiles, within } from './archive-rows.ts';
import { countsSql, numbersOf } from './counts.ts';
import type { Connection } from './database.ts';
import { POSITION } from './identity-sql.ts';
import { METRIC_COLUMNS } from './render.ts';

const EVENTS = `${METRIC_COLUMNS}, ${POSITION}, ${DECISIONS}, NULL::VARCHAR AS reason`;

/** Reads batches from the tables, by a connection of its own. */
export function createArchivedBatches(connection: Connection): ArchivedBatches {
  let sequence = 0;

  async function read(archive: ArchiveReader, ranges: readonly OffsetRange[]): Promise<TypedRows> {
    const rowsSql = `memory.archived_${sequence++}`;
    await connection.run(`CREATE TABLE ${rowsSql} AS SELECT ${EVENTS} FROM (${EMPTY_EVENTS}) LIMIT 0`);
    try {
      const take = (table: 'events' | 'bad_rows', columns: string) =>
        archive.withFiles(table, { ranges }, (paths) =>
          eachFiles(
            connection,
            paths,
            (files) =>
              `INSERT INTO ${rowsSql} BY NAME SELECT ${columns} FROM ${files} WHERE ${within(ranges)}`,
          ),
        );
      await take('events', EVENTS);
      await take(
        'bad_rows',
        `received_at, source, ${POSITION}, false AS duplicate, false AS excluded, reason`,
      );
      return { rowsSql, ...(await numbersOf(connection, countsSql(rowsSql))) };
    } catch (error) {
      await release({ rowsSql });
      throw error;
    }
  }

  async function release({ rowsSql }: Pick<TypedRows, 'rowsSql'>): Promise<void> {
    await connection.run(`DROP TABLE IF EXISTS ${rowsSql}`);
  }

  return { read, release };
}
