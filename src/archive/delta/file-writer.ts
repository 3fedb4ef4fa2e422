import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Positions } from '../../log/offset.ts';
import type { ParquetFile } from '../parquet-tool.ts';
import { type Action, addFile, removeFile } from './actions.ts';
import { explained } from './file-damage.ts';
import type { LiveFile } from './live-files.ts';
import type { DeltaTable } from './table.ts';

/** Files that are on their way to the table's storage at a time. */
const PUBLISHED_AT_ONCE = 32;

/** Puts files into tables, and knows which are being read or written. */
export class FileWriter {
  readonly #stagingDir: string;
  readonly #now: () => number;
  /** Files that are being read, or published and not committed yet, with the number of users. */
  readonly #inUse = new Map<string, number>();

  constructor({ stagingDir, now }: { stagingDir: string; now: () => number }) {
    this.#stagingDir = stagingDir;
    this.#now = now;
  }

  isInUse(table: DeltaTable, path: string): boolean {
    return this.#inUse.has(`${table.name}/${path}`);
  }

  /** Moves written files to their place and commits what `make` does with the actions that add them. */
  async commit(
    table: DeltaTable,
    files: ParquetFile[],
    { dataChange, ends }: { dataChange: boolean; ends?: Positions | undefined },
    make: (adds: Action[]) => Action[] | null,
  ): Promise<boolean> {
    const adds = files.map((file) => {
      const offset = String(file.min.log_offset).padStart(20, '0');
      const path = `event_date=${file.date}/part-${offset}-${randomUUID()}.parquet`;
      return { add: addFile(file, path, this.#now(), dataChange, ends) };
    });
    return this.using(
      table,
      adds.map(({ add }) => add.path),
      async () => {
        for (let at = 0; at < files.length; at += PUBLISHED_AT_ONCE)
          await Promise.all(
            files
              .slice(at, at + PUBLISHED_AT_ONCE)
              .map((file, index) => table.storage.publish(file.path, adds[at + index]!.add.path)),
          );
        return table.commit(() => make(adds));
      },
    );
  }

  /** `vacuum` leaves the files alone until `work` settles. */
  async using<T>(table: DeltaTable, paths: string[], work: () => Promise<T>): Promise<T> {
    const ids = paths.map((path) => `${table.name}/${path}`);
    for (const id of ids) this.#inUse.set(id, (this.#inUse.get(id) ?? 0) + 1);
    try {
      return await work();
    } finally {
      for (const id of ids) {
        const users = this.#inUse.get(id)! - 1;
        if (users > 0) this.#inUse.set(id, users);
        else this.#inUse.delete(id);
      }
    }
  }

  /**
   * Puts what `write` makes of local copies of the files in their place, without changing what they hold: as many rows. Gives the number
   * of files that they became; 0 when another writer has changed one of them meanwhile.
   */
  rewrite(
    table: DeltaTable,
    group: readonly LiveFile[],
    operation: string,
    write: (local: string[], dir: string) => Promise<ParquetFile[]>,
  ): Promise<number> {
    return this.rewriteGroups(table, [group], operation, (_group, local, dir) => write(local, dir));
  }

  /**
   * The same for several groups of files, by one commit. `complete` gives what else is in it; null where the table has become
   * another one, and nothing is committed.
   */
  async rewriteGroups(
    table: DeltaTable,
    groups: readonly (readonly LiveFile[])[],
    operation: string,
    write: (group: readonly LiveFile[], local: string[], dir: string) => Promise<ParquetFile[]>,
    complete: () => Action[] | null = () => [],
  ): Promise<number> {
    const dir = join(this.#stagingDir, randomUUID());
    try {
      const replaced = groups.flat();
      const files: ParquetFile[] = [];
      for (const [n, group] of groups.entries()) {
        const paths = group.map((file) => file.add.path);
        const ofGroup = await this.using(table, paths, () =>
          table.storage
            .withLocal(paths, (local) => write(group, local, join(dir, String(n))))
            .catch(async (error) => {
              throw await explained(error, table, paths);
            }),
        );
        for (const file of ofGroup) files.push(file);
      }
      const rows = replaced.reduce((sum, file) => sum + file.rows, 0);
      const written = files.reduce((sum, file) => sum + file.rows, 0);
      if (written !== rows)
        throw new Error(`${operation} of ${table.name} read ${written} rows of ${rows}; nothing was changed`);
      const committed = await this.commit(table, files, { dataChange: false }, (adds) => {
        const more = complete();
        if (more === null || !replaced.every(({ add }) => table.has(add.path))) return null;
        const now = this.#now();
        return [
          { commitInfo: { timestamp: now, operation } },
          ...replaced.map((file) => ({ remove: removeFile(file.add, now) })),
          ...adds,
          ...more,
        ];
      });
      return committed ? files.length : 0;
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  }
}
