import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { MetricsError } from '../../telemetry/errors.ts';
import type { Metric } from '../definition.ts';
import { planOf } from '../plan.ts';
import { type AttachTarget, type Connection, identifier } from './database.ts';
import { createState, STATE, STATE_VERSION } from './state.ts';
import { Tables } from './tables.ts';

export interface StateOf {
  /** What the state depends on besides the catalogue: with another one it is of no use. */
  identity: readonly string[];
  catalogue: readonly Metric[];
  /** What is said of a state with another identity or catalogue. */
  other: string;
  /** What is said of one that is damaged. */
  broken(reason: string): string;
}

/** Errors of the system in DuckDB's messages: they do not mean that the file is damaged, so it is not deleted. */
const SYSTEM_FAILURE =
  /Input\/output error|Too many open files|Permission denied|Operation not permitted|No space left|Cannot allocate memory|Out of Memory|Read-only file system|Could not set lock|temporarily unavailable|Stale file handle|quota exceeded|Is a directory/i;

/** Texts for people in the catalogue: the state does not depend on them. */
const WORDS = new Set(['title', 'description']);

/** What the state belongs to: with another one it is of no use. */
export function stateIdentity(identity: readonly unknown[], catalogue: readonly Metric[]): string {
  const text = JSON.stringify([STATE_VERSION, ...identity, catalogue], (key, value: unknown) =>
    WORDS.has(key) ? undefined : value,
  );
  return createHash('sha256').update(text).digest('hex');
}

/**
 * Attaches the state file, a new one where there is none, it is damaged, or it is of something else; gives what is to be said of
 * that. Reads all of it: damage in the middle would else be found by the first query that needs it.
 */
export async function openState(target: AttachTarget, file: string, of: StateOf): Promise<string> {
  const { identity, catalogue, other, broken } = of;
  const wanted = stateIdentity(identity, catalogue);
  let message = '';
  let isAttached = false;
  try {
    await target.attach(file, STATE);
    isAttached = true;
    const connection = await target.connect();
    try {
      const found = await storedCatalogue(connection);
      if (found === wanted) {
        await readAll(connection);
        return '';
      }
      if (found !== null) message = other;
    } finally {
      connection.close();
    }
  } catch (error) {
    const { message: text } = ((error as Error).cause ?? error) as Error;
    const reason = text.split('\n')[0]!;
    if (SYSTEM_FAILURE.test(reason))
      throw new MetricsError(
        `The metrics state ${file} can't be opened: ${reason}. It was not changed. Remove the cause; ` +
          'if the file itself can’t be read any more, delete it: it is filled again from the archive.',
      );
    message = broken(reason);
  }
  for (const path of [file, `${file}.wal`]) await rm(path, { force: true });
  if (isAttached) await target.detach(STATE);
  for (const path of [file, `${file}.wal`]) await rm(path, { force: true });
  await target.attach(file, STATE);
  const connection = await target.connect();
  await createState(connection, new Tables(planOf(catalogue)), wanted);
  connection.close();
  return message;
}

/** Null when the file is new and has no tables. */
async function storedCatalogue(connection: Connection): Promise<string | null> {
  if (!(await tableNames(connection)).includes('engine')) return null;
  return (await connection.row<{ catalogue: string }>(`SELECT catalogue FROM ${STATE}.engine`)).catalogue;
}

/** DuckDB checks the checksum of each block that it reads. */
async function readAll(connection: Connection): Promise<void> {
  for (const name of await tableNames(connection))
    await connection.run(`SELECT bit_xor(hash(COLUMNS(*))) FROM ${STATE}.${identifier(name)}`);
}

async function tableNames(connection: Connection): Promise<string[]> {
  const rows = await connection.rows<{ name: string }>(
    `SELECT table_name AS name FROM duckdb_tables() WHERE database_name = '${STATE}'`,
  );
  return rows.map(({ name }) => name);
}
