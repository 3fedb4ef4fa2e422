import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Metric } from '../../../metrics/definition.ts';
import type { Database } from '../duckdb/database.ts';
import { createState, STATE, STATE_VERSION, stateTables } from '../duckdb/state.ts';

/** Attaches the state file, a new one where there is none, it does not open, or it is of something else. */
export async function openState(
  database: Database,
  options: { dir: string; job: string; timeZone: string; catalogue: readonly Metric[] },
): Promise<string> {
  const file = join(options.dir, 'points.duckdb');
  const { job, timeZone, catalogue } = options;
  const wanted = createHash('sha256')
    .update(JSON.stringify([STATE_VERSION, job, timeZone, catalogue]))
    .digest('hex');
  let message = '';
  try {
    await database.attach(file, STATE);
    const connection = await database.connect();
    try {
      const { n } = await connection.row<{ n: number }>(
        `SELECT count(*) AS n FROM duckdb_tables() WHERE database_name = '${STATE}' AND table_name = 'engine'`,
      );
      const found =
        n === 0
          ? null
          : (await connection.row<{ catalogue: string }>(`SELECT catalogue FROM ${STATE}.engine`)).catalogue;
      if (found === wanted) return '';
      if (found !== null)
        message =
          'The points are of other definitions, another log or another time zone: Spark begins anew, and what the log no longer has comes from the archive.';
    } finally {
      connection.close();
    }
    await database.detach(STATE);
  } catch (error) {
    message = `The points did not open (${error instanceof Error ? error.message.split('\n')[0] : error}): reading them anew.`;
  }
  for (const path of [file, `${file}.wal`]) await rm(path, { force: true });
  await database.attach(file, STATE);
  const connection = await database.connect();
  await createState(connection, stateTables(catalogue), wanted);
  connection.close();
  return message;
}
