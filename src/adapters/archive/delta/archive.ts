import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../../../domain/errors.ts';
import { type CountsBySource, type Offset, type Positions, sumCounts } from '../../../domain/offset.ts';
import type {
  Archive,
  ArchiveCounts,
  ArchiveStatus,
  CompactResult,
  VacuumResult,
} from '../../../ports/archive.ts';
import {
  type ArchiveTable,
  type ParquetFile,
  type ParquetTool,
  type ParsedBatch,
  positionsAfter,
} from '../../../ports/batch.ts';
import type { ArchiveFile, FileFilter } from '../../../ports/engine.ts';
import { type Action, addFile, type LiveFile, removeFile } from './actions.ts';
import { groupsToCompact } from './compact-groups.ts';
import { chooseFiles, countFiles, isAhead } from './live-files.ts';
import { localStorage } from './local-storage.ts';
import { lostLines, lostTxns } from './lost-lines.ts';
import type { TableStorage } from './storage.ts';
import { DeltaTable } from './table.ts';

/** A file that no version names is left by a crash, or about to be committed by another writer: it may be this old. */
const ORPHAN_MS_MIN = 3_600_000;
/** An upload on its way to a server may take longer. */
const LEFTOVER_MS_MIN = 24 * 3_600_000;

export interface DeltaArchiveOptions {
  /** Local folder for files on their way; on the file system of a local archive. */
  stagingDir: string;
  storage(table: ArchiveTable): TableStorage;
  parquet: ParquetTool;
  /** Identity of the log whose positions the tables hold. */
  logId: string;
  now: () => number;
}

/** Opens the archive in a local folder. */
export function openLocalArchive(
  dir: string,
  options: Omit<DeltaArchiveOptions, 'stagingDir' | 'storage'>,
): Promise<DeltaArchive> {
  const stagingDir = join(dir, '_staging');
  return DeltaArchive.open({
    ...options,
    stagingDir,
    storage: (table) => localStorage(join(dir, table), stagingDir),
  });
}

/**
 * The archive as Delta Lake tables. The position in the log is a `txn` action of the commit that adds the rows, so rows
 * and position can't part. A batch touches two tables: bad rows go first, and the position of the archive is that of
 * `events`, so after a crash between the two the batch comes again and `bad_rows` skips what it has.
 */
export class DeltaArchive implements Archive {
  readonly #options: DeltaArchiveOptions;
  readonly #events: DeltaTable;
  readonly #badRows: DeltaTable;
  readonly #counts: Record<ArchiveTable, CountsBySource> = { events: {}, bad_rows: {} };
  #lost: CountsBySource = {};
  #positions = new Map<number, Offset>();
  #lastReceivedAtMs: number | null = null;
  #failure = '';
  #compacting: Promise<unknown> = Promise.resolve();
  /** Files that are being read, or published and not committed yet, with the number of users. */
  readonly #inUse = new Map<string, number>();

  private constructor(options: DeltaArchiveOptions) {
    this.#options = options;
    const table = (name: ArchiveTable) =>
      new DeltaTable(name, options.storage(name), options.parquet, options.stagingDir, options.now);
    this.#events = table('events');
    this.#badRows = table('bad_rows');
  }

  static async open(options: DeltaArchiveOptions): Promise<DeltaArchive> {
    const archive = new DeltaArchive(options);
    await archive.#events.open();
    await archive.#badRows.open();
    archive.#checkLog();
    await rm(options.stagingDir, { recursive: true, force: true });
    archive.#publish();
    return archive;
  }

  /** Positions are those of one log: the tables of another one must not be mixed in. */
  #checkLog(): void {
    const own = `tillstream/${this.#options.logId}/`;
    const other = this.#events.txnIds().find((id) => id.startsWith('tillstream/') && !id.startsWith(own));
    if (other === undefined) return;
    throw new UsageError(
      `The archive holds the rows of another event log (${other.split('/')[1]}; this one is ${this.#options.logId}). ` +
        'Put the log folder back that belongs to it, or use a new archive folder.',
    );
  }

  position(partition: number): Offset {
    return this.#positions.get(partition) ?? 0;
  }

  partitions(): number[] {
    return [...this.#positions.keys()];
  }

  lost(): CountsBySource {
    return this.#lost;
  }

  counts(): ArchiveCounts {
    return this.#counts;
  }

  async append(batch: ParsedBatch): Promise<void> {
    try {
      await this.#append(this.#badRows, batch);
      await this.#append(this.#events, batch);
      this.#failure = '';
    } catch (error) {
      this.#failure = error instanceof Error ? error.message : String(error);
      throw error;
    } finally {
      this.#publish();
    }
  }

  async refresh(): Promise<void> {
    // Bad rows go first: what the events' positions cover must be there.
    await this.#events.refresh();
    await this.#badRows.refresh();
    this.#publish();
  }

  async #append(table: DeltaTable, batch: ParsedBatch): Promise<void> {
    if (table.name === 'bad_rows' && batch.badLines === 0) return;
    const spans = batch.spans.flatMap((span) => {
      const known = table.txn(this.#appId(span.partition));
      return known + 1 < span.to ? [{ ...span, from: Math.max(span.from, known + 1), known }] : [];
    });
    if (spans.length === 0) return;
    const dir = join(this.#options.stagingDir, randomUUID());
    try {
      const files = await this.#options.parquet.write(batch, table.name, spans, dir);
      if (table.name === 'bad_rows' && files.length === 0) return;
      // Bad rows are in flight until their events are committed; the end of each span tells when.
      const ends = table.name === 'bad_rows' ? positionsAfter(spans) : undefined;
      await this.#commitFiles(table, files, { dataChange: true, ends }, (adds) => {
        this.#checkLog();
        // Another writer of the same partition was faster: its rows stand, ours stay out.
        const taken = spans.find(({ partition, known }) => table.txn(this.#appId(partition)) !== known);
        if (taken)
          throw new Error(`table ${table.name}: another writer archives partition ${taken.partition}`);
        const now = this.#options.now();
        return [
          {
            commitInfo: {
              timestamp: now,
              operation: 'WRITE',
              operationParameters: { mode: 'Append' },
              engineInfo: 'tillstream',
            },
          },
          ...spans.map(({ partition, to }) => ({
            txn: { appId: this.#appId(partition), version: to - 1, lastUpdated: now },
          })),
          ...(table.name === 'events' ? lostTxns(table, this.#appId(spans[0]!.partition), batch, now) : []),
          ...adds,
        ];
      });
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  }

  /** Moves written files to their place and commits what `make` does with the actions that add them. */
  async #commitFiles(
    table: DeltaTable,
    files: ParquetFile[],
    { dataChange, ends }: { dataChange: boolean; ends?: Positions | undefined },
    make: (adds: Action[]) => Action[] | null,
  ): Promise<boolean> {
    const adds = files.map((file) => {
      const offset = String(file.min.log_offset).padStart(20, '0');
      const path = `event_date=${file.date}/part-${offset}-${randomUUID()}.parquet`;
      return { add: addFile(file, path, this.#options.now(), dataChange, ends) };
    });
    return this.#using(
      table,
      adds.map(({ add }) => add.path),
      async () => {
        await Promise.all(
          files.map((file, index) => table.storage.publish(file.path, adds[index]!.add.path)),
        );
        return table.commit(() => make(adds));
      },
    );
  }

  /** `vacuum` leaves the files alone until `work` settles. */
  async #using<T>(table: DeltaTable, paths: string[], work: () => Promise<T>): Promise<T> {
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

  /** Makes positions and counts of the committed tables visible, together. */
  #publish(): void {
    const positions = new Map<number, Offset>();
    const prefix = this.#appId('');
    for (const appId of this.#events.txnIds()) {
      const partition = appId.startsWith(prefix) ? appId.slice(prefix.length) : '';
      if (/^\d+$/.test(partition)) positions.set(Number(partition), this.#events.txn(appId) + 1);
    }
    this.#positions = positions;
    this.#lost = lostLines(this.#events);
    this.#counts.events = countFiles(this.#events.files());
    // Bad rows of a batch whose events are not committed yet are still in flight.
    this.#counts.bad_rows = countFiles(this.#badRows.files().filter((file) => !isAhead(file, positions)));
    const newest = [...this.#events.files(), ...this.#badRows.files()].map((file) => file.receivedMaxMs);
    this.#lastReceivedAtMs = newest.reduce((a, b) => Math.max(a, b), 0) || null;
  }

  #appId(partition: number | ''): string {
    return `tillstream/${this.#options.logId}/${partition}`;
  }

  #table(name: ArchiveTable): DeltaTable {
    return name === 'events' ? this.#events : this.#badRows;
  }

  withFiles<T>(name: ArchiveTable, filter: FileFilter, use: (paths: string[]) => Promise<T>): Promise<T> {
    const { storage } = this.#table(name);
    return this.withNames(name, filter, (files) =>
      storage.withLocal(
        files.map(({ path }) => path),
        use,
      ),
    );
  }

  withNames<T>(
    name: ArchiveTable,
    filter: FileFilter,
    use: (files: ArchiveFile[]) => Promise<T>,
  ): Promise<T> {
    const table = this.#table(name);
    const files = chooseFiles(table.files(), filter);
    const paths = files.map(({ path }) => path);
    return this.#using(table, paths, () => use(files));
  }

  dates(name: ArchiveTable): { date: string; rows: number }[] {
    const rows = new Map<string, number>();
    for (const file of this.#table(name).files()) rows.set(file.date, (rows.get(file.date) ?? 0) + file.rows);
    return [...rows].map(([date, n]) => ({ date, rows: n })).sort((a, b) => (a.date < b.date ? -1 : 1));
  }

  receivedExtentMs(): readonly [number, number] | null {
    const files = [...this.#events.files(), ...this.#badRows.files()];
    if (files.length === 0) return null;
    return [
      files.reduce((low, file) => Math.min(low, file.receivedMinMs), Infinity),
      files.reduce((high, file) => Math.max(high, file.receivedMaxMs), 0),
    ];
  }

  compact(): Promise<CompactResult> {
    const result = this.#compacting.then(() => this.#compact());
    this.#compacting = result.catch(() => {});
    return result;
  }

  async #compact(): Promise<CompactResult> {
    const result: CompactResult = { filesBefore: 0, filesAfter: 0 };
    for (const table of [this.#events, this.#badRows]) {
      const settled = table.files().filter((file) => !isAhead(file, this.#positions));
      for (const group of groupsToCompact(settled)) {
        const merged = await this.#merge(table, group);
        if (merged > 0) result.filesBefore += group.length;
        result.filesAfter += merged;
      }
    }
    return result;
  }

  /** Number of files that the group became; 0 when another writer has changed it meanwhile. */
  async #merge(table: DeltaTable, group: LiveFile[]): Promise<number> {
    const dir = join(this.#options.stagingDir, randomUUID());
    try {
      const paths = group.map((file) => file.add.path);
      const files = await this.#using(table, paths, () =>
        table.storage.withLocal(paths, (local) =>
          this.#options.parquet.merge(table.name, group[0]!.date, local, dir),
        ),
      );
      const rows = group.reduce((sum, file) => sum + file.rows, 0);
      const merged = files.reduce((sum, file) => sum + file.rows, 0);
      if (merged !== rows)
        throw new Error(`compaction of ${table.name} read ${merged} rows of ${rows}; nothing was changed`);
      const committed = await this.#commitFiles(table, files, { dataChange: false }, (adds) => {
        if (!paths.every((path) => table.has(path))) return null;
        const now = this.#options.now();
        return [
          { commitInfo: { timestamp: now, operation: 'OPTIMIZE', engineInfo: 'tillstream' } },
          ...group.map((file) => ({ remove: removeFile(file.add, now) })),
          ...adds,
        ];
      });
      return committed ? files.length : 0;
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  }

  async vacuum(retentionHours: number): Promise<VacuumResult> {
    const result: VacuumResult = { filesDeleted: 0, bytesFreed: 0, logFilesDeleted: 0 };
    const nowMs = this.#options.now();
    const beforeMs = nowMs - retentionHours * 3_600_000;
    const orphanBeforeMs = Math.min(beforeMs, nowMs - ORPHAN_MS_MIN);
    for (const table of [this.#events, this.#badRows]) {
      await table.refresh();
      const live = table.files().map((file) => file.add.path);
      const removedAt = new Map(table.removed().map((file) => [file.path, file.deletionTimestamp]));
      const dates = new Set([...live, ...removedAt.keys()].map((path) => path.split('/')[0]!));
      for (const folder of dates) {
        const files = await table.storage.list(folder);
        const found = new Set(files.map((file) => file.path));
        for (const path of removedAt.keys())
          if (path.startsWith(`${folder}/`) && !found.has(path)) table.forgetRemoved(path);
        for (const file of files) {
          const at = removedAt.get(file.path);
          const isOld = at === undefined ? file.modifiedMs < orphanBeforeMs : at <= beforeMs;
          if (!isOld || table.has(file.path) || this.#inUse.has(`${table.name}/${file.path}`)) continue;
          await table.storage.remove(file.path);
          table.forgetRemoved(file.path);
          result.filesDeleted++;
          result.bytesFreed += file.bytes;
        }
      }
      await table.storage.removeLeftovers(Math.min(orphanBeforeMs, nowMs - LEFTOVER_MS_MIN));
      result.logFilesDeleted += await table.cleanLog(beforeMs);
    }
    return result;
  }

  status(): ArchiveStatus {
    const describe = (table: DeltaTable) => ({
      version: table.version,
      files: table.files().length,
      rows: table.files().reduce((sum, file) => sum + file.rows, 0),
      bytes: table.files().reduce((sum, file) => sum + file.add.size, 0),
    });
    return {
      state: this.#failure ? 'failed' : 'ready',
      message: this.#failure,
      lastReceivedAtMs: this.#lastReceivedAtMs,
      tables: { events: describe(this.#events), bad_rows: describe(this.#badRows) },
    };
  }

  async check(): Promise<string> {
    await this.#events.storage.check();
    await this.#badRows.storage.check();
    return `${sumCounts(this.#counts.events)} events, ${sumCounts(this.#counts.bad_rows)} bad rows`;
  }
}
