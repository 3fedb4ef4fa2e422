import { posix } from 'node:path';
import { ArchiveError } from '../../telemetry/errors.ts';
import { RemoteError } from '../storage/remote.ts';
import type { StoredFile } from '../storage/storage.ts';
import type { DeltaTable } from './table.ts';

/** Most files that a message names. */
const NAMES_MAX = 5;

/**
 * What is reported for an error while files of the table were read: the files that are missing or damaged, where it is that, or
 * the server that does not answer. The error itself where it is something else.
 */
export async function explained(
  error: unknown,
  table: DeltaTable,
  paths: readonly string[],
): Promise<unknown> {
  if (error instanceof ArchiveError) return error;
  if (error instanceof RemoteError && error.isTransient)
    return new ArchiveError(`The archive can't be read. ${error.message}`, { cause: error });
  const sizes = new Map(table.files().map(({ add }) => [add.path, add.size]));
  const { message } = error instanceof Error ? error : { message: String(error) };
  const broken: string[] = [];
  const folders = new Map<string, StoredFile[]>();
  for (const path of paths) {
    const folder = posix.dirname(path);
    // Where the storage is away, that is the damage, and it is reported.
    if (!folders.has(folder)) folders.set(folder, await table.storage.list(folder).catch(() => []));
    const why = whatIsWrong(
      folders.get(folder)!.find((file) => file.path === path),
      sizes.get(path),
    );
    const isNamed = message.includes(path) && !/too many open files/i.test(message);
    if (why ?? isNamed) broken.push(`${table.storage.address(path)} (${why ?? 'it can’t be read'})`);
    if (broken.length > NAMES_MAX) break;
  }
  if (broken.length === 0) return error;
  const names = broken.slice(0, NAMES_MAX).join(', ');
  const more = broken.length > NAMES_MAX ? ' and more' : '';
  return new ArchiveError(
    `Files of the archive are missing or damaged: ${names}${more}. ` +
      'Put them back from a backup of the archive. Nothing was changed.',
    { cause: error },
  );
}

/** Null where nothing is found. */
function whatIsWrong(stored: StoredFile | undefined, size: number | undefined): string | null {
  if (!stored) return 'missing';
  return size === undefined || stored.bytes === size ? null : `${stored.bytes} bytes instead of ${size}`;
}
