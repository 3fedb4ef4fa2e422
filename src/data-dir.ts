import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { acquireLock, LockHeld } from './adapters/log/segments/index.ts';
import { UsageError } from './domain/errors.ts';
import { writeFileDurable } from './files/write-durable.ts';
import { VERSION } from './version.ts';

/** Layout of the data folder; a folder of a newer one is refused. */
const DATA_FORMAT = 1;

/** Makes the folder where it is missing, refuses one that is not ours or in use, and takes its lock. */
export async function takeDataDir(dataDir: string) {
  const file = join(dataDir, 'data.json');
  try {
    await mkdir(dataDir, { recursive: true });
    const found = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    if (found !== null) checkDataFormat(found, dataDir);
    const lock = await acquireLock(join(dataDir, 'lock'));
    try {
      if (found === null) await writeDataFile(file);
      return lock;
    } catch (error) {
      await lock.release().catch(() => {});
      throw error;
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    if (error instanceof LockHeld)
      throw new UsageError(`The data folder ${dataDir} is in use: ${error.message}`);
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOSPC')
      throw new UsageError(
        `The disk of the data folder ${dataDir} is full. Free some space, then start again.`,
      );
    const why = code === 'EACCES' || code === 'EROFS' || code === 'EPERM' ? 'it can’t be written' : message;
    throw new UsageError(
      `The data folder ${dataDir} is of no use: ${why}. Set TILLSTREAM_DATA or --data to a folder of yours.`,
    );
  }
}

async function writeDataFile(file: string): Promise<void> {
  const data = { format: DATA_FORMAT, created_by: `tillstream ${VERSION}`, id: randomUUID() };
  // In one piece: a start that is killed here must not leave half of it.
  await writeFileDurable(file, `${JSON.stringify(data)}\n`);
}

/** Process id of who has the data folder open; null when nobody has. */
export async function holderOf(dataDir: string): Promise<number | null> {
  if (!existsSync(join(dataDir, 'data.json'))) return null;
  try {
    const lock = await acquireLock(join(dataDir, 'lock'));
    await lock.release();
    return null;
  } catch (error) {
    if (error instanceof LockHeld) return error.pid;
    throw error;
  }
}

function checkDataFormat(text: string, dataDir: string): void {
  let format: unknown;
  try {
    format = (JSON.parse(text) as { format?: unknown } | null)?.format;
  } catch {
    // Told below.
  }
  if (typeof format !== 'number') {
    throw new UsageError(
      `${join(dataDir, 'data.json')} is damaged. It says which version wrote the folder; restore it, or move the folder away.`,
    );
  }
  if (format > DATA_FORMAT) {
    throw new UsageError(
      `The data folder ${dataDir} was written by a newer Tillstream (format ${format}; this one knows ${DATA_FORMAT}). ` +
        'Update Tillstream, or use another folder.',
    );
  }
}
