import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

type Cell = string | number | null;

export interface TableSeen {
  version: number;
  files: number;
  rows: number;
  rows_in_stats: number;
  offset_min: number | null;
  offset_max: number | null;
  /** Distinct offsets. */
  offsets: number;
  sources: Record<string, number>;
  received_min: string;
  received_max: string;
  schema: Record<string, string>;
  dates: string[];
  event_ids: number;
  amount: string;
  price: string;
  /** Rows of bots and test orders; not in tables of 0.1.0. */
  excluded?: number;
  /** Of purchases that are no duplicates; not in tables of 0.1.0. */
  revenue?: number;
  orders?: number;
  txn: Record<string, number | null>;
  columns: string[];
  data: Cell[][];
}

export interface ArchiveSeen {
  events: TableSeen;
  bad_rows: TableSeen;
}

/** The Python with deltalake and polars. A test that needs it must not pass without it. */
export function python(): string {
  const file = process.env.TILLSTREAM_TEST_PYTHON ?? '';
  assert.ok(
    file && existsSync(file),
    'This test reads the archive with deltalake 1.6.6 and polars 2.1.0. Set TILLSTREAM_TEST_PYTHON to a Python that has them.',
  );
  return file;
}

/** What deltalake and polars see in the archive folder, or at its s3:// address; `rows`: also the rows themselves. */
export async function readArchive(
  dir: string,
  flags: string[] = [],
  env: Record<string, string> = {},
): Promise<ArchiveSeen> {
  const script = join(import.meta.dirname, 'read-archive.py');
  const { stdout } = await promisify(execFile)(python(), [script, dir, ...flags], {
    maxBuffer: 2 ** 30,
    env: { ...process.env, ...env },
  });
  return JSON.parse(stdout) as ArchiveSeen;
}
