import { join } from 'node:path';
import { Database } from '../../src/metrics/duckdb/database.ts';
import { STATE } from '../../src/metrics/duckdb/state.ts';

/** Runs SQL on the state file of a DuckDB engine that is closed; gives the rows of the last query. Tables are in STATE. */
export async function onClosedState<T>(stateDir: string, ...statements: string[]): Promise<T[]> {
  const dir = join(stateDir, 'duckdb');
  const database = await Database.open({
    directories: [`${dir}/`],
    threads: 1,
    memoryMb: 200,
    tempDir: join(dir, 'temp'),
  });
  try {
    await database.attach(join(dir, 'metrics.duckdb'), STATE);
    const connection = await database.connect();
    let rows: T[] = [];
    for (const sql of statements) rows = await connection.rows<T>(sql);
    connection.close();
    await database.detach(STATE);
    return rows;
  } finally {
    await database.close();
  }
}
