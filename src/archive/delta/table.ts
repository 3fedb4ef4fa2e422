import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import pLimit from 'p-limit';
import type { Logger } from '../../telemetry/logger.ts';
import { messageOf } from '../../telemetry/system-error.ts';
import type { ArchiveTable } from '../archive.ts';
import type { ParquetWriter } from '../parquet-tool.ts';
import { RemoteError } from '../storage/remote.ts';
import type { TableStorage } from '../storage/storage.ts';
import {
  type Action,
  createTable,
  type MetaData,
  type RemoveFile,
  type TableProtocol,
  type Txn,
} from './actions.ts';
import { type LiveFile, liveFile, withContent } from './live-files.ts';
import {
  type Checkpoint,
  checkpointPath,
  commitPath,
  commitText,
  LAST_CHECKPOINT,
  LOG_FOLDER,
  logFiles,
  missingCommit,
  parseCommit,
} from './log-files.ts';
import { checkTable, completedSchema } from './table-rules.ts';

/** Commit files that a checkpoint replaces are kept this long for readers that hold an older version. */
const LOG_RETENTION_MS = 24 * 3_600_000;
/** They are never deleted sooner than this, and a writer that was idle for half of it looks for a newer checkpoint. */
const LOG_RETENTION_MS_MIN = 3_600_000;
/** A commit that finds its version taken looks again this many times. */
const COMMIT_TRIES_MAX = 20;

export interface TableOptions {
  name: ArchiveTable;
  storage: TableStorage;
  parquet: ParquetWriter;
  /** Local folder for files on their way. */
  stagingDir: string;
  now: () => number;
  logger: Logger;
  /** A checkpoint of the log is written every so many commits. */
  checkpointEvery: number;
}

/**
 * One Delta table: its state (live files, transaction ids) as of the newest version that this process knows, and
 * commits on top of it. Commits of this object run one after the other; other writers are met by create-if-absent.
 */
export class DeltaTable {
  readonly name: ArchiveTable;
  readonly storage: TableStorage;
  readonly #parquet: ParquetWriter;
  readonly #options: TableOptions;
  readonly #now: () => number;
  #version = -1;
  #checkpointVersion = 0;
  /** When the known version was last seen to be the newest, ms. */
  #currentAtMs = 0;
  #protocol: TableProtocol | undefined;
  #metaData: MetaData | undefined;
  /** Whether the two above have been checked since they changed. */
  #isChecked = false;
  /** A commit that could not be confirmed: it may be there. */
  #unsettled: { version: number; text: string } | undefined;
  readonly #files = new Map<string, LiveFile>();
  /** Live files of other programs that have not been looked into yet; true where that was reported to fail. */
  readonly #unknown = new Map<string, boolean>();
  readonly #removed = new Map<string, RemoveFile>();
  readonly #txns = new Map<string, Txn>();
  readonly #oneByOne = pLimit(1);

  constructor(options: TableOptions) {
    this.#options = options;
    this.name = options.name;
    this.storage = options.storage;
    this.#parquet = options.parquet;
    this.#now = options.now;
  }

  /** Reads the log. Where there is none, the table is created, unless it must be the one with the id `expected`. */
  async open(expected?: string): Promise<void> {
    await this.#oneByOne(() => this.#catchUp());
    if (expected !== undefined && this.id() !== expected) return;
    // Another process may make it at the same time.
    if (this.#version < 0)
      await this.commit(() => (this.#metaData ? null : createTable(this.name, randomUUID(), this.#now())));
    this.check();
    // A schema of an older Tillstream gets the columns that came since.
    if (completedSchema(this.name, this.#metaData!) === null) return;
    await this.commit(() =>
      completedSchema(this.name, this.#metaData!) === null
        ? null
        : [{ commitInfo: { timestamp: this.#now(), operation: 'CHANGE COLUMNS' } }],
    );
  }

  /** Identity of the table, whatever its location; undefined where there is none. */
  id(): string | undefined {
    return this.#metaData?.id;
  }

  get version(): number {
    return this.#version;
  }

  has(path: string): boolean {
    return this.#files.has(path);
  }

  files(): LiveFile[] {
    return [...this.#files.values()];
  }

  get metaData(): MetaData | undefined {
    return this.#metaData;
  }

  /** Files that were removed from the table and may still lie there. */
  removed(): RemoveFile[] {
    return [...this.#removed.values()];
  }

  /** Version of an application's last transaction; -1 before the first. */
  txn(appId: string): number {
    return this.#txns.get(appId)?.version ?? -1;
  }

  /** Applications that have committed transactions. */
  txnIds(): string[] {
    return [...this.#txns.keys()];
  }

  /**
   * Commits what `make` gives on top of the newest version, and tells whether it did. `make` is called again when another
   * writer was faster, on the state that it left; `null` means that there is nothing left to commit.
   */
  commit(make: () => Action[] | null): Promise<boolean> {
    return this.#oneByOne(() => this.#commit(make));
  }

  /** Takes in what other writers have committed; rejects a table that they have made one that can't be written. */
  refresh(): Promise<void> {
    return this.#oneByOne(async () => {
      await this.#resolvePending();
      await this.#follow();
      this.check();
    });
  }

  async #commit(make: () => Action[] | null): Promise<boolean> {
    await this.#resolvePending();
    if (this.#isOutdated()) await this.#catchUp();
    for (let tries = 0; tries < COMMIT_TRIES_MAX; tries++) {
      if (this.#version >= 0) this.check();
      const made = make();
      if (!made) return false;
      const actions = this.#withColumns(made);
      const text = commitText(actions, randomUUID());
      const version = this.#version + 1;
      if (await this.#create(version, text)) {
        this.#apply(actions);
        this.#version = version;
        this.#currentAtMs = this.#now();
        if (version - this.#checkpointVersion >= this.#options.checkpointEvery) await this.#tryCheckpoint();
        return true;
      }
      await this.#refresh();
    }
    throw new Error(`table ${this.name}: other writers were faster ${COMMIT_TRIES_MAX} times in a row`);
  }

  /** Whether the file of the commit is there and durable; false where another writer has taken its version. */
  async #create(version: number, text: string): Promise<boolean> {
    try {
      return await this.storage.putIfAbsent(commitPath(version), text);
    } catch (error) {
      this.#unsettled = { version, text };
      // Not known yet: the next call finds out.
      const isThere = await this.#resolvePending().catch(() => null);
      if (isThere) {
        this.#options.logger.warn(
          { err: error, table: this.name, version },
          'archive: writing a commit failed, but the table contains it; it was written again',
        );
        return true;
      }
      const why = messageOf(error);
      const what = isThere === null ? 'it is not known whether' : 'the table does not have';
      throw new Error(
        `table ${this.name}: ${what} commit ${version}${isThere === null ? ' was written' : ''}: ${why}`,
        { cause: error },
      );
    }
  }

  /**
   * A commit whose writing failed may be there nevertheless: the table is asked. What is there and ours is written once more,
   * as only that makes it durable; true then. While that can't be found out, this rejects.
   */
  async #resolvePending(): Promise<boolean> {
    if (!this.#unsettled) return false;
    const { version, text } = this.#unsettled;
    const isOurs = (await this.storage.read(commitPath(version))) === text;
    if (isOurs) await this.storage.put(commitPath(version), text);
    this.#unsettled = undefined;
    return isOurs;
  }

  /** Adds columns of ours that the table's schema lacks. */
  #withColumns(actions: Action[]): Action[] {
    const schema = this.#metaData ? completedSchema(this.name, this.#metaData) : null;
    return schema === null
      ? actions
      : [...actions, { metaData: { ...this.#metaData!, schemaString: schema } }];
  }

  /** Rejects a table that other programs have changed to one that Tillstream does not follow. */
  check(): void {
    if (this.#isChecked) return;
    checkTable(this.name, this.storage.address(''), this.#protocol, this.#metaData);
    this.#isChecked = true;
  }

  /** Where the next commit file was cleaned away, ours would be created in its place and never be read. */
  #isOutdated(): boolean {
    return this.#now() - this.#currentAtMs > LOG_RETENTION_MS_MIN / 2;
  }

  #follow(): Promise<void> {
    return this.#isOutdated() ? this.#catchUp() : this.#refresh();
  }

  /** Applies commits that were made since the known version. */
  async #refresh(): Promise<void> {
    for (;;) {
      const path = commitPath(this.#version + 1);
      const text = await this.storage.read(path);
      if (text === null) break;
      this.#apply(parseCommit(text, this.storage.address(path)));
      this.#version++;
    }
    await this.#inspect();
    this.#currentAtMs = this.#now();
  }

  #apply(actions: readonly Action[]): void {
    for (const { protocol, metaData, add, remove, txn } of actions) {
      if (protocol) this.#protocol = protocol;
      if (metaData) this.#metaData = metaData;
      if (protocol || metaData) this.#isChecked = false;
      if (txn) this.#txns.set(txn.appId, txn);
      if (remove) {
        this.#files.delete(remove.path);
        this.#unknown.delete(remove.path);
        this.#removed.set(remove.path, remove);
      }
      if (add) {
        const file = liveFile(add);
        this.#files.set(add.path, file);
        this.#removed.delete(add.path);
        if (!file.isKnown) this.#unknown.set(add.path, false);
      }
    }
  }

  /** Opens files of other programs to count their rows. One that can't be read stops nothing. */
  async #inspect(): Promise<void> {
    for (const [path, isReported] of this.#unknown) {
      try {
        const content = await this.storage.withLocal([path], ([local]) => this.#parquet.inspect(local!));
        this.#files.set(path, withContent(this.#files.get(path)!, content));
        this.#unknown.delete(path);
      } catch (error) {
        if (error instanceof RemoteError && error.isTransient) throw error;
        if (!isReported)
          this.#options.logger.warn(
            { err: error, file: this.storage.address(path) },
            'archive: a file that another program wrote could not be read; its rows are not counted',
          );
        this.#unknown.set(path, true);
      }
    }
  }

  /**
   * Goes on from the newest checkpoint that can be read, where that is newer than the known version, and applies the commits
   * after it. The listing of the folder has them; the pointer `_last_checkpoint`, which is only a hint, is not needed.
   */
  async #catchUp(): Promise<void> {
    for (let tries = 1; ; tries++) {
      const found = logFiles(await this.storage.list(LOG_FOLDER));
      const failures: string[] = [];
      for (const checkpoint of found.checkpoints) {
        if (checkpoint.version <= this.#version) break;
        if (await this.#fromCheckpoint(checkpoint, failures)) break;
      }
      await this.#refresh();
      if (this.#version >= found.newest) return;
      // Another process may have written a checkpoint and deleted old commits between the two looks.
      if (tries < 2) continue;
      throw missingCommit(
        this.storage.address(commitPath(this.#version + 1)),
        this.storage.address(commitPath(found.newest)),
        failures,
      );
    }
  }

  async #fromCheckpoint({ version, paths }: Checkpoint, failures: string[]): Promise<boolean> {
    let actions: Action[];
    try {
      actions = await this.storage.withLocal(paths, async (local) => {
        const parts = await Promise.all(local.map((path) => this.#parquet.readCheckpoint(path)));
        return parts.flat() as Action[];
      });
      if (!actions.some(({ metaData }) => metaData)) throw new Error('it has no metaData action');
    } catch (error) {
      if (error instanceof RemoteError && error.isTransient) throw error;
      const why = messageOf(error).split('\n')[0];
      failures.push(`${this.storage.address(paths[0]!)} (${why})`);
      this.#options.logger.warn(
        { err: error, file: this.storage.address(paths[0]!) },
        'archive: a checkpoint can’t be read; older files are used instead',
      );
      return false;
    }
    for (const known of [this.#files, this.#unknown, this.#removed, this.#txns]) known.clear();
    this.#apply(actions);
    this.#version = version;
    this.#checkpointVersion = version;
    return true;
  }

  /** What counts is committed: a checkpoint that fails (a full disk) is tried again after the next commit. */
  async #tryCheckpoint(): Promise<void> {
    const warn = (message: string) => (error: unknown) => {
      this.#options.logger.warn({ err: error, table: this.name, version: this.#version }, message);
      return false;
    };
    const isWritten = await this.#checkpoint().catch(
      warn('archive: the checkpoint could not be written; it will be retried after the next commit'),
    );
    if (isWritten)
      await this.cleanLog(this.#now() - LOG_RETENTION_MS).catch(
        warn('archive: old files of a table’s log could not be deleted; this will be retried later'),
      );
  }

  async #checkpoint(): Promise<true> {
    const { storage } = this;
    const actions: Action[] = [
      { protocol: this.#protocol! },
      { metaData: this.#metaData! },
      ...[...this.#txns.values()].map((txn) => ({ txn })),
      ...[...this.#files.values()].map(({ add }) => ({ add: { ...add, dataChange: false } })),
      ...[...this.#removed.values()].map((remove) => ({ remove })),
    ];
    const target = join(this.#options.stagingDir, `${this.name}-${randomUUID()}.checkpoint.parquet`);
    try {
      await this.#parquet.checkpoint(actions, target);
      await storage.publish(target, checkpointPath(this.#version));
    } finally {
      await rm(target, { force: true });
    }
    await storage.put(LAST_CHECKPOINT, JSON.stringify({ version: this.#version, size: actions.length }));
    this.#checkpointVersion = this.#version;
    return true;
  }

  /** Deletes commits and checkpoints older than `beforeMs` that a checkpoint of ours replaces; gives their number. */
  async cleanLog(beforeMs: number): Promise<number> {
    const version = this.#checkpointVersion;
    const oldMs = Math.min(beforeMs, this.#now() - LOG_RETENTION_MS_MIN);
    let deleted = 0;
    for (const { path, modifiedMs } of await this.storage.list(LOG_FOLDER)) {
      const match = /\/(\d{20})\.(json|checkpoint\..*)$/.exec(path);
      if (!match || Number(match[1]) >= version || modifiedMs >= oldMs) continue;
      await this.storage.remove(path);
      deleted++;
    }
    return deleted;
  }

  /** Forgets a removed file that has been deleted. */
  forgetRemoved(path: string): void {
    this.#removed.delete(path);
  }
}
