import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileDurable } from '../../system/write-durable.ts';
import { UsageError } from '../../telemetry/errors.ts';
import type { DeltaArchive } from './archive.ts';
import { OtherArchiveError } from './other-archive.ts';

/** Which archive a data folder belongs to, in the file. */
interface Remembered {
  /** Id of the table `events`: it stays when the archive is moved or copied. */
  id: string;
  /** Where it was, for people. */
  location: string;
}

/**
 * Opens the archive of a data folder. The folder remembers its archive, as its metrics and its positions are about that
 * one: another archive, or an empty location, is rejected before anything is written there. The same archive at another location has
 * been moved, and is taken.
 */
export async function openRemembered(
  dataDir: string,
  location: string,
  open: (expectedId: string | undefined) => Promise<DeltaArchive>,
): Promise<DeltaArchive> {
  const file = join(dataDir, 'archive.json');
  const known = await remembered(file);
  const archive = await open(known?.id).catch((error) => {
    throw error instanceof OtherArchiveError ? refusal(file, known!, location, error.id) : error;
  });
  const id = archive.id()!;
  if (known?.id !== id || known.location !== location)
    await writeFileDurable(file, `${JSON.stringify({ id, location } satisfies Remembered)}\n`);
  return archive;
}

async function remembered(file: string): Promise<Remembered | null> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (text === null) return null;
  try {
    const { id, location } = JSON.parse(text) as Partial<Remembered>;
    if (typeof id === 'string' && typeof location === 'string') return { id, location };
  } catch {
    // Reported below.
  }
  throw new UsageError(
    `${file} is damaged. It holds the id of the archive of this data folder. ` +
      'Delete it if the config names the right archive.',
  );
}

function refusal(file: string, known: Remembered, location: string, foundId: string | undefined): UsageError {
  const found = foundId === undefined ? 'no archive' : `another archive (${foundId})`;
  return new UsageError(
    `This data folder belongs to the archive at ${known.location} (${known.id}), but there is ${found} at ${location}. ` +
      'Nothing was written. Set archive in the config back to the former location. To move the archive, copy all of ' +
      'its files to the new location first. To begin a new archive, use a new data folder; or delete ' +
      `${file}: what the event log no longer holds is then missing in the archive.`,
  );
}
