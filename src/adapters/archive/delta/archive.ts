import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../../../domain/errors.ts';
import { addCount, type CountsBySource, type Offset, sumCounts } from '../../../domain/offset.ts';
import type {
  Archive,
  ArchiveCounts,
  ArchiveStatus,
  CompactResult,
  VacuumResult,
} from '../../../ports/archive.ts';
import type { ArchiveTable, ParquetFile, ParquetTool, ParsedBatch } from '../../../ports/batch.ts';
import type { ArchiveReader } from '../../../ports/engine.ts';
import { type Action, addFile, type LiveFile, removeFile } from './actions.ts';
import { lostLines, lostTxns } from './lost-lines.ts';
import { localStorage, type TableStorage } from './storage.ts';
import { DeltaTable } from './table.ts';

/** Files below this size are merged, up to about this size and this many rows. */
const COMPACT_BYTES = 128 * 1024 * 1024;
const COMPACT_ROWS = 4_000_000;
/** A date's small files are worth merging from this number on. */
const COMPACT_FILES_MIN = 8;
/** Most files that are merged at a time: each that is open takes memory. */
const COMPACT_FILES_MAX = 200;
/** A file that no version names is left by a crash, or about to be committed by another writer: it may be this old. */
const ORPHAN_MS_MIN = 3_600_000;

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
    archive.#publish([0]);
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
      this.#publish([...this.#positions.keys(), batch.partition]);
      this.#failure = '';
    } catch (error) {
      this.#failure = error instanceof Error ? error.message : String(error);
      throw error;
    }
  }

  async #append(table: DeltaTable, batch: ParsedBatch): Promise<void> {
    const appId = this.#appId(batch.partition);
    const from = table.txn(appId) + 1;
    if (batch.to <= from || (table.name === 'bad_rows' && batch.badLines === 0)) return;
    const dir = join(this.#options.stagingDir, randomUUID());
    try {
      const files = await this.#options.parquet.write(batch, table.name, from, dir);
      if (table.name === 'bad_rows' && files.length === 0) return;
      await this.#commitFiles(table, files, true, (adds) => {
        this.#checkLog();
        // Another writer of the same partition was faster: its rows stand, ours stay out.
        if (table.txn(appId) + 1 !== from)
          throw new Error(`table ${table.name}: another writer archives ${appId}`);
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
          { txn: { appId, version: batch.to - 1, lastUpdated: now } },
          ...(table.name === 'events' ? lostTxns(table, appId, batch, now) : []),
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
    dataChange: boolean,
    make: (adds: Action[]) => Action[] | null,
  ): Promise<boolean> {
    const adds = files.map((file) => {
      const offset = String(file.min.log_offset).padStart(20, '0');
      const path = `event_date=${file.date}/part-${offset}-${randomUUID()}.parquet`;
      return { add: addFile(file, path, this.#options.now(), dataChange) };
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
  #publish(partitions: number[]): void {
    const positions = new Map<number, Offset>();
    for (const partition of partitions) {
      const position = this.#events.txn(this.#appId(partition)) + 1;
      if (position > 0) positions.set(partition, position);
    }
    this.#positions = positions;
    this.#lost = lostLines(this.#events);
    this.#counts.events = countFiles(this.#events.files());
    // Bad rows of a batch whose events are not committed yet are still in flight.
    const reached = Math.max(0, ...positions.values());
    this.#counts.bad_rows = countFiles(this.#badRows.files().filter((file) => file.offsetMin < reached));
    const newest = [...this.#events.files(), ...this.#badRows.files()].map((file) => file.receivedMaxMs);
    this.#lastReceivedAtMs = newest.reduce((a, b) => Math.max(a, b), 0) || null;
  }

  #appId(partition: number): string {
    return `tillstream/${this.#options.logId}/${partition}`;
  }

  #table(name: ArchiveTable): DeltaTable {
    return name === 'events' ? this.#events : this.#badRows;
  }

  withFiles<T>(
    name: ArchiveTable,
    filter: Parameters<ArchiveReader['withFiles']>[1],
    use: (paths: string[]) => Promise<T>,
  ): Promise<T> {
    const table = this.#table(name);
    const files = table.files().filter((file) => {
      if (filter.dates && !filter.dates.has(file.date)) return false;
      const ranges = filter.receivedMs;
      return !ranges || ranges.some(([from, to]) => file.receivedMaxMs >= from && file.receivedMinMs <= to);
    });
    const paths = files.map((file) => file.add.path);
    return this.#using(table, paths, () => table.storage.withLocal(paths, use));
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
      for (const group of groupsToCompact(table.files())) {
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
      const committed = await this.#commitFiles(table, files, false, (adds) => {
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

function countFiles(files: LiveFile[]): CountsBySource {
  const counts: CountsBySource = {};
  for (const file of files) {
    for (const [source, rows] of Object.entries(file.sources)) addCount(counts, source, rows);
  }
  return counts;
}

/** Small files of each date, in groups that make about one full file. */
function groupsToCompact(files: LiveFile[]): LiveFile[][] {
  const byDate = new Map<string, LiveFile[]>();
  for (const file of files) {
    if (file.add.size >= COMPACT_BYTES / 2) continue;
    byDate.set(file.date, [...(byDate.get(file.date) ?? []), file]);
  }
  const groups: LiveFile[][] = [];
  for (const small of byDate.values()) {
    if (small.length < COMPACT_FILES_MIN) continue;
    small.sort((a, b) => a.offsetMin - b.offsetMin);
    let group: LiveFile[] = [];
    let bytes = 0;
    let rows = 0;
    for (const file of small) {
      const isFull =
        group.length >= COMPACT_FILES_MAX ||
        bytes + file.add.size > COMPACT_BYTES ||
        rows + file.rows > COMPACT_ROWS;
      if (group.length > 0 && isFull) {
        groups.push(group);
        [group, bytes, rows] = [[], 0, 0];
      }
      group.push(file);
      bytes += file.add.size;
      rows += file.rows;
    }
    groups.push(group);
  }
  return groups.filter((group) => group.length > 1);
}
