import { IDENTITIES_KEPT_MS } from '../../decode/identity.ts';
import type { ParquetFile, Upgrader } from '../parquet-tool.ts';
import type { LiveFile } from './live-files.ts';

/** Files that are rewritten by one commit, and that are at hand at a time. */
const FILES_MAX = 32;
const BYTES_MAX = 512 * 1024 * 1024;

export interface Upgrade {
  /** The live files, now. */
  files(): LiveFile[];
  upgrader: Upgrader;
  /** Calls `take` with local copies. */
  use(files: readonly LiveFile[], take: (local: string[]) => Promise<void>): Promise<void>;
  /** Replaces the files by what `write` makes of their local copies. */
  rewrite(
    files: readonly LiveFile[],
    write: (local: string[], dir: string) => Promise<ParquetFile[]>,
  ): Promise<unknown>;
  signal: AbortSignal;
}

/**
 * Decides about the rows of `events` that an older version or another program has left undecided, and rewrites their files, some at
 * a time: a commit each, so that it goes on where it was stopped. Rows that are decided stay as they are.
 */
export async function upgradeEvents(upgrade: Upgrade): Promise<void> {
  const { upgrader, use, signal } = upgrade;
  const undecided = upgrade.files().filter(({ isDecided }) => !isDecided);
  if (undecided.length === 0) return;
  const sinceMs =
    undecided.reduce((min, file) => Math.min(min, file.receivedMinMs), Infinity) - IDENTITIES_KEPT_MS;
  const untilMs = undecided.reduce((max, file) => Math.max(max, file.receivedMaxMs), 0);
  try {
    await upgrader.begin();
    const near = upgrade
      .files()
      .filter(({ receivedMinMs, receivedMaxMs }) => receivedMaxMs >= sinceMs && receivedMinMs <= untilMs);
    for (const group of inGroups(near)) {
      signal.throwIfAborted();
      await use(group, (local) => upgrader.addOrders(local));
    }
    for (const date of new Set(undecided.map((file) => file.date))) {
      const ofDate = upgrade.files().filter((file) => file.date === date);
      await upgrader.beginDate();
      for (const group of inGroups(ofDate)) await use(group, (local) => upgrader.addEvents(local));
      for (const group of inGroups(ofDate.filter(({ isDecided }) => !isDecided))) {
        signal.throwIfAborted();
        await upgrade.rewrite(group, (local, dir) => upgrader.rewrite(date ?? '1970-01-01', local, dir));
      }
    }
  } finally {
    await upgrader.end();
  }
}

/** The files in groups that are not too large to be at hand at a time. */
export function inGroups(files: readonly LiveFile[]): LiveFile[][] {
  const groups: LiveFile[][] = [];
  let bytes = Infinity;
  for (const file of files) {
    if (bytes + file.add.size > BYTES_MAX || groups.at(-1)!.length >= FILES_MAX) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)!.push(file);
    bytes += file.add.size;
  }
  return groups;
}
