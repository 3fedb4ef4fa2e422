import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import type { Metric } from '../../../metrics/definition.ts';
import type { Connection, Database } from './database.ts';
import { createState, STATE, STATE_VERSION, stateTables } from './state.ts';

export interface StateOf {
  /** What the state depends on besides the catalogue: with another one it is of no use. */
  identity: readonly string[];
  catalogue: readonly Metric[];
  /** What is said of a state with another identity or catalogue. */
  other: string;
  /** What is said of one that did not open. */
  broken(reason: string): string;
}

/** Attaches the state file, a new one where there is none, it does not open, or it is of something else; gives what is to be said of that. */
export async function openState(database: Database, file: string, of: StateOf): Promise<string> {
  const { identity, catalogue, other, broken } = of;
  const wanted = createHash('sha256')
    .update(JSON.stringify([STATE_VERSION, ...identity, catalogue]))
    .digest('hex');
  let message = '';
  try {
    await database.attach(file, STATE);
    const connection = await database.connect();
    try {
      const found = await storedCatalogue(connection);
      if (found === wanted) return '';
      if (found !== null) message = other;
    } finally {
      connection.close();
    }
    await database.detach(STATE);
  } catch (error) {
    message = broken(error instanceof Error ? error.message.split('\n')[0]! : String(error));
  }
  for (const path of [file, `${file}.wal`]) await rm(path, { force: true });
  await database.attach(file, STATE);
  const connection = await database.connect();
  await createState(connection, stateTables(catalogue), wanted);
  connection.close();
  return message;
}

/** Null when the file is new and has no tables. */
async function storedCatalogue(connection: Connection): Promise<string | null> {
  const { n } = await connection.row<{ n: number }>(
    `SELECT count(*) AS n FROM duckdb_tables() WHERE database_name = '${STATE}' AND table_name = 'engine'`,
  );
  if (n === 0) return null;
  return (await connection.row<{ catalogue: string }>(`SELECT catalogue FROM ${STATE}.engine`)).catalogue;
}
