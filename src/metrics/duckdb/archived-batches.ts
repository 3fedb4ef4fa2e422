import type { BatchSpan, ParsedLines } from '../../decode/batch.ts';
import { DECISIONS } from '../../decode/identity.ts';
import type { ArchivedBatches, ArchiveReader } from '../engine.ts';
import { EMPTY_EVENTS, eachFiles, within } from './archive-rows.ts';
import { countsSql, numbersOf } from './counts.ts';
import type { Connection } from './database.ts';
import { PLACE } from './identity-sql.ts';
import { METRIC_COLUMNS } from './render.ts';

const EVENTS = `${METRIC_COLUMNS}, ${PLACE}, ${DECISIONS}, NULL::VARCHAR AS reason`;

/** Reads batches from the tables, by a connection of its own. */
export function createArchivedBatches(connection: Connection): ArchivedBatches {
  let sequence = 0;

  async function read(archive: ArchiveReader, spans: readonly BatchSpan[]): Promise<ParsedLines> {
    const relation = `memory.archived_${sequence++}`;
    await connection.run(`CREATE TABLE ${relation} AS SELECT ${EVENTS} FROM (${EMPTY_EVENTS}) LIMIT 0`);
    try {
      const take = (table: 'events' | 'bad_rows', columns: string) =>
        archive.withFiles(table, { spans }, (paths) =>
          eachFiles(
            connection,
            paths,
            (files) =>
              `INSERT INTO ${relation} BY NAME SELECT ${columns} FROM ${files} WHERE ${within(spans)}`,
          ),
        );
      await take('events', EVENTS);
      await take('bad_rows', `received_at, source, ${PLACE}, false AS duplicate, false AS excluded, reason`);
      return { relation, ...(await numbersOf(connection, countsSql(relation))) };
    } catch (error) {
      await release({ relation });
      throw error;
    }
  }

  async function release({ relation }: Pick<ParsedLines, 'relation'>): Promise<void> {
    await connection.run(`DROP TABLE IF EXISTS ${relation}`);
  }

  return { read, release };
}
