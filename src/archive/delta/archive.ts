import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { positionsAfter, type TypedBatch } from '../../decode/batch.ts';
import { type CountsBySource, type Offset, sumCounts } from '../../log/offset.ts';
import type { ArchiveFile, FileFilter } from '../../metrics/engine.ts';
import { UsageError } from '../../telemetry/errors.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { messageOf } from '../../telemetry/system-error.ts';
import { counted } from '../../telemetry/words.ts';
import type {
  Archive,
  ArchiveChanges,
  ArchiveCounts,
  ArchiveStatus,
  ArchiveTable,
  CompactResult,
  VacuumResult,
} from '../archive.ts';
import type { ParquetWriter } from '../parquet-tool.ts';
import type { TableStorage } from '../storage/storage.ts';
import { groupsToCompact } from './compact-groups.ts';
import { changesIn, lostLines, lostTxns, rowsTxns } from './counter-txns.ts';
import { explained } from './file-damage.ts';
import { FileWriter } from './file-writer.ts';
import { chooseFiles, countFiles, isAhead } from './live-files.ts';
import { OtherArchiveError } from './other-archive.ts';
import { hasFormerTypes, retypeEvents } from './retype.ts';
import { DeltaTable } from './table.ts';
import { summaryOf } from './table-summary.ts';
import { upgradeEvents } from './upgrade.ts';
import { vacuumTable } from './vacuum.ts';

export interface DeltaArchiveOptions {
  /** Local folder for files on their way; on the file system of a local archive. */
  stagingDir: string;
  storage(table: ArchiveTable): TableStorage;
  parquet: ParquetWriter;
  /** Identity of the log whose positions the tables hold. */
  logId: string;
  now: () => number;
  logger?: Logger;
  /** Id of the table `events`, where it must be a certain one: another one is left as it is. */
  expectedId?: string | undefined;
  /** Commits from one checkpoint of a table to the next; for tests. */
  checkpointEvery?: number | undefined;
}

/** Commits of a table from one checkpoint to the next. */
const CHECKPOINT_EVERY = 100;
const NO_LOGGER: Logger = { debug() {}, info() {}, warn() {}, error() {} };

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
  /** Rows by source that were archived before the positions. */
  #archived: CountsBySource = {};
  #changed: ArchiveChanges = { deleted: {}, added: {} };
  #positions = new Map<number, Offset>();
  #lastReceivedAtMs: number | null = null;
  #failure = '';
  /** For what changes files that it has looked at before. */
  readonly #oneByOne = pLimit(1);
  readonly #writer: FileWriter;

  private constructor(options: DeltaArchiveOptions) {
    this.#options = options;
    this.#writer = new FileWriter(options);
    const { parquet, stagingDir, now, logger = NO_LOGGER, checkpointEvery = CHECKPOINT_EVERY } = options;
    const table = (name: ArchiveTable) =>
      new DeltaTable({
        name,
        storage: options.storage(name),
        ...{ parquet, stagingDir, now, logger, checkpointEvery },
      });
    this.#events = table('events');
    this.#badRows = table('bad_rows');
  }

  static async open(options: DeltaArchiveOptions): Promise<DeltaArchive> {
    const archive = new DeltaArchive(options);
    const { expectedId } = options;
    await archive.#events.open(expectedId);
    if (expectedId !== undefined && archive.id() !== expectedId) throw new OtherArchiveError(archive.id());
    await archive.#badRows.open();
    archive.#checkLog();
    await rm(options.stagingDir, { recursive: true, force: true });
    archive.#publish();
    return archive;
  }

  /** Identity of the archive, whatever its location. */
  id(): string | undefined {
    return this.#events.id();
  }

  /** Positions are those of one log: the tables of another one must not be mixed in. */
  #checkLog(): void {
    const own = `tillstream/${this.#options.logId}/`;
    const other = this.#events.txnIds().find((id) => id.startsWith('tillstream/') && !id.startsWith(own));
    if (other === undefined) return;
    throw new UsageError(
      `The archive holds the rows of another event log (${other.split('/')[1]}; this one is ${this.#options.logId}). ` +
        'Put the log folder back that belongs to it, or start with a new data folder and a new archive location.',
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

  archived(): CountsBySource {
    return this.#archived;
  }

  changed(): ArchiveChanges {
    return this.#changed;
  }

  async append(batch: TypedBatch): Promise<void> {
    try {
      await this.#append(this.#badRows, batch);
      if (hasFormerTypes(this.#events))
        await this.#oneByOne(() => retypeEvents(this.#events, this.#writer, this.#options.parquet));
      await this.#append(this.#events, batch);
      this.#failure = '';
    } catch (error) {
      this.#failure = messageOf(error);
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

  async #append(table: DeltaTable, batch: TypedBatch): Promise<void> {
    if (table.name === 'bad_rows' && batch.badLines === 0) return;
    // Another program may have changed the table to one that can't be written, or an earlier commit not been confirmed.
    await table.refresh();
    const ranges = batch.ranges.flatMap((range) => {
      const known = table.txn(this.#appId(range.partition));
      return known + 1 < range.end ? [{ ...range, start: Math.max(range.start, known + 1), known }] : [];
    });
    if (ranges.length === 0) return;
    const dir = join(this.#options.stagingDir, randomUUID());
    try {
      const files = await this.#options.parquet.write(batch, table.name, ranges, dir);
      if (table.name === 'bad_rows' && files.length === 0) return;
      // Bad rows are in flight until their events are committed; the end of each range tells when.
      const ends = table.name === 'bad_rows' ? positionsAfter(ranges) : undefined;
      await this.#writer.commit(table, files, { dataChange: true, ends }, (adds) => {
        this.#checkLog();
        // Another writer of the same partition was faster: its rows stand, ours stay out.
        const taken = ranges.find(({ partition, known }) => table.txn(this.#appId(partition)) !== known);
        if (taken)
          throw new Error(
            `table ${table.name}: another commit has archived lines of partition ${taken.partition}`,
          );
        const now = this.#options.now();
        return [
          {
            commitInfo: {
              timestamp: now,
              operation: 'WRITE',
              operationParameters: { mode: 'Append' },
            },
          },
          ...ranges.map(({ partition, end }) => ({
            txn: { appId: this.#appId(partition), version: end - 1, lastUpdated: now },
          })),
          ...(table.name === 'events' ? lostTxns(table, this.#appId(ranges[0]!.partition), batch, now) : []),
          ...rowsTxns(table, this.#appId(ranges[0]!.partition), files, now),
          ...adds,
        ];
      });
    } finally {
      await rm(dir, { recursive: true, force: true });
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
    ({ archived: this.#archived, changed: this.#changed } = changesIn(
      [this.#events, this.#badRows],
      positions,
    ));
    this.#lastReceivedAtMs = this.receivedExtentMs()?.[1] ?? null;
  }

  #appId(partition: number | ''): string {
    return `tillstream/${this.#options.logId}/${partition}`;
  }

  #table(name: ArchiveTable): DeltaTable {
    return name === 'events' ? this.#events : this.#badRows;
  }

  withFiles<T>(name: ArchiveTable, filter: FileFilter, use: (paths: string[]) => Promise<T>): Promise<T> {
    const table = this.#table(name);
    return this.withNames(name, filter, async (files) => {
      const paths = files.map(({ path }) => path);
      try {
        return await table.storage.withLocal(paths, use);
      } catch (error) {
        throw await explained(error, table, paths);
      }
    });
  }

  async withNames<T>(
    name: ArchiveTable,
    filter: FileFilter,
    use: (files: ArchiveFile[]) => Promise<T>,
  ): Promise<T> {
    const table = this.#table(name);
    table.check();
    const files = chooseFiles(table.files(), filter);
    const paths = files.map(({ path }) => path);
    return this.#writer.using(table, paths, () => use(files));
  }

  dates(name: ArchiveTable): { date: string; rows: number }[] {
    const rows = new Map<string, number>();
    for (const { date, rows: n } of this.#table(name).files())
      if (date !== null) rows.set(date, (rows.get(date) ?? 0) + n);
    return [...rows].map(([date, n]) => ({ date, rows: n })).sort((a, b) => (a.date < b.date ? -1 : 1));
  }

  receivedExtentMs(): readonly [number, number] | null {
    const files = [...this.#events.files(), ...this.#badRows.files()];
    // Files of other programs may lack it.
    const known = files.filter(
      ({ receivedMinMs: min, receivedMaxMs: max }) => Number.isFinite(min) && Number.isFinite(max),
    );
    if (known.length === 0) return null;
    return [
      known.reduce((low, file) => Math.min(low, file.receivedMinMs), Infinity),
      known.reduce((high, file) => Math.max(high, file.receivedMaxMs), 0),
    ];
  }

  compact(): Promise<CompactResult> {
    return this.#oneByOne(() => this.#compact());
  }

  async #compact(): Promise<CompactResult> {
    const result: CompactResult = { filesBefore: 0, filesAfter: 0 };
    for (const table of [this.#events, this.#badRows]) {
      const settled = table.files().filter((file) => !isAhead(file, this.#positions));
      for (const group of groupsToCompact(settled)) {
        const merged = await this.#writer.rewrite(table, group, 'OPTIMIZE', (local, dir) =>
          this.#options.parquet.merge(table.name, group[0]!.date!, local, dir),
        );
        if (merged > 0) result.filesBefore += group.length;
        result.filesAfter += merged;
      }
    }
    return result;
  }

  undecidedFiles(): number {
    const isOld = hasFormerTypes(this.#events);
    return this.#events.files().filter((file) => isOld || !file.isDecided).length;
  }

  upgrade(signal: AbortSignal): Promise<void> {
    const table = this.#events;
    const { parquet } = this.#options;
    return this.#oneByOne(async () => {
      await retypeEvents(table, this.#writer, parquet, signal);
      await upgradeEvents({
        files: () => table.files(),
        upgrader: parquet.upgrader,
        use: (files, take) =>
          this.withFiles('events', { paths: new Set(files.map(({ add }) => add.path)) }, take),
        rewrite: (files, write) => this.#writer.rewrite(table, files, 'UPGRADE', write),
        signal,
      });
    });
  }

  async vacuum(retentionHours: number): Promise<VacuumResult> {
    const result: VacuumResult = { filesDeleted: 0, bytesFreed: 0, logFilesDeleted: 0 };
    const nowMs = this.#options.now();
    const beforeMs = nowMs - retentionHours * 3_600_000;
    for (const table of [this.#events, this.#badRows])
      await vacuumTable(
        table,
        { nowMs, beforeMs, isInUse: (path) => this.#writer.isInUse(table, path) },
        result,
      );
    return result;
  }

  status(): ArchiveStatus {
    return {
      state: this.#failure ? 'failed' : 'ready',
      message: this.#failure,
      lastReceivedAtMs: this.#lastReceivedAtMs,
      tables: { events: summaryOf(this.#events), bad_rows: summaryOf(this.#badRows) },
    };
  }

  async check(): Promise<string> {
    await this.#events.storage.check();
    await this.#badRows.storage.check();
    return `${counted(sumCounts(this.#counts.events), 'event')}, ${counted(sumCounts(this.#counts.bad_rows), 'bad row')}`;
  }
}
