import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArchiveTable, ParquetTool } from '../../../ports/batch.ts';
import {
  type Action,
  createTable,
  type LiveFile,
  liveFile,
  type MetaData,
  type Protocol,
  type RemoveFile,
  schemaString,
  type Txn,
} from './actions.ts';
import type { TableStorage } from './storage.ts';

/** A checkpoint of the log is written every so many commits. */
const CHECKPOINT_EVERY = 100;
/** Commit files that a checkpoint replaces are kept this long for readers that hold an older version. */
const LOG_RETENTION_MS = 24 * 3_600_000;
/** They are never deleted sooner than this, and a writer that was idle for half of it looks for a newer checkpoint. */
const LOG_RETENTION_MS_MIN = 3_600_000;
/** A commit that finds its version taken looks again this many times. */
const COMMIT_TRIES_MAX = 20;

const versionName = (version: number) => String(version).padStart(20, '0');
const commitPath = (version: number) => `_delta_log/${versionName(version)}.json`;
const checkpointPath = (version: number) => `_delta_log/${versionName(version)}.checkpoint.parquet`;
const LAST_CHECKPOINT = '_delta_log/_last_checkpoint';

/**
 * One Delta table: its state (live files, transaction ids) as of the newest version that this process knows, and
 * commits on top of it. Commits of this object run one after the other; other writers are met by create-if-absent.
 */
export class DeltaTable {
  readonly name: ArchiveTable;
  readonly storage: TableStorage;
  readonly #parquet: ParquetTool;
  readonly #stagingDir: string;
  readonly #now: () => number;
  #version = -1;
  #checkpointVersion = 0;
  /** When the known version was last seen to be the newest, ms. */
  #currentAtMs = 0;
  #protocol: Protocol | undefined;
  #metaData: MetaData | undefined;
  readonly #files = new Map<string, LiveFile>();
  readonly #removed = new Map<string, RemoveFile>();
  readonly #txns = new Map<string, Txn>();
  #tail: Promise<unknown> = Promise.resolve();

  constructor(
    name: ArchiveTable,
    storage: TableStorage,
    parquet: ParquetTool,
    stagingDir: string,
    now: () => number,
  ) {
    this.name = name;
    this.storage = storage;
    this.#parquet = parquet;
    this.#stagingDir = stagingDir;
    this.#now = now;
  }

  /** Reads the log; creates the table where there is none. */
  async open(): Promise<void> {
    await this.#catchUp();
    // Another process may make it at the same time.
    if (this.#version < 0)
      await this.commit(() => (this.#metaData ? null : createTable(this.name, randomUUID(), this.#now())));
    if (!this.#metaData || !this.#protocol)
      throw new Error(`table ${this.name}: its log has no metaData or protocol`);
    if (this.#protocol.minWriterVersion > 2) {
      throw new Error(
        `table ${this.name} needs a writer of version ${this.#protocol.minWriterVersion}; this one is 2`,
      );
    }
    if (this.#metaData.schemaString !== schemaString(this.name)) await this.#updateSchema();
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
    return this.#next(() => this.#commit(make));
  }

  /** Takes in what other writers have committed. */
  refresh(): Promise<void> {
    return this.#next(() => this.#catchUp());
  }

  #next<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work);
    this.#tail = result.catch(() => {});
    return result;
  }

  async #commit(make: () => Action[] | null): Promise<boolean> {
    // Where the next commit file was cleaned away, ours would be created in its place and never be read.
    if (this.#now() - this.#currentAtMs > LOG_RETENTION_MS_MIN / 2) await this.#catchUp();
    for (let tries = 0; tries < COMMIT_TRIES_MAX; tries++) {
      const actions = make();
      if (!actions) return false;
      const text = actions.map((action) => `${JSON.stringify(action)}\n`).join('');
      const version = this.#version + 1;
      if (await this.storage.putIfAbsent(commitPath(version), text)) {
        this.#apply(actions);
        this.#version = version;
        this.#currentAtMs = this.#now();
        // What counts is committed; a checkpoint that fails (a full disk) is tried again after the next commit.
        if (version - this.#checkpointVersion >= CHECKPOINT_EVERY) await this.#checkpoint().catch(() => {});
        return true;
      }
      await this.#refresh();
    }
    throw new Error(`table ${this.name}: other writers were faster ${COMMIT_TRIES_MAX} times in a row`);
  }

  /** Applies commits that were made since the known version. */
  async #refresh(): Promise<void> {
    for (;;) {
      const text = await this.storage.read(commitPath(this.#version + 1));
      if (text === null) {
        this.#currentAtMs = this.#now();
        return;
      }
      this.#apply(
        text
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line) as Action),
      );
      this.#version++;
    }
  }

  #apply(actions: Action[]): void {
    for (const { protocol, metaData, add, remove, txn } of actions) {
      if (protocol) this.#protocol = protocol;
      if (metaData) this.#metaData = metaData;
      if (txn) this.#txns.set(txn.appId, txn);
      if (remove) {
        this.#files.delete(remove.path);
        this.#removed.set(remove.path, remove);
      }
      if (add) this.#files.set(add.path, liveFile(add));
    }
  }

  /** A schema of an older Tillstream gets the columns that came since. */
  async #updateSchema(): Promise<void> {
    await this.commit(() => [
      { commitInfo: { timestamp: this.#now(), operation: 'CHANGE COLUMNS', engineInfo: 'tillstream' } },
      { metaData: { ...this.#metaData!, schemaString: schemaString(this.name) } },
    ]);
  }

  /** Goes on from the newest checkpoint, where that is newer than the known version, and applies the commits after it. */
  async #catchUp(): Promise<void> {
    const version = await this.#newestCheckpoint();
    if (version > this.#version) {
      const actions = await this.storage.withLocal([checkpointPath(version)], ([path]) =>
        this.#parquet.readCheckpoint(path!),
      );
      for (const known of [this.#files, this.#removed, this.#txns]) known.clear();
      this.#apply(actions as Action[]);
      this.#version = version;
      this.#checkpointVersion = version;
    }
    await this.#refresh();
  }

  /** -1 where there is none. The pointer to it is only a hint: where it is missing or damaged, the folder tells. */
  async #newestCheckpoint(): Promise<number> {
    const pointer = await this.storage.read(LAST_CHECKPOINT);
    const hint = /"version"\s*:\s*(\d+)/.exec(pointer ?? '')?.[1];
    if (hint !== undefined) return Number(hint);
    const files = await this.storage.list('_delta_log');
    const versions = files
      .flatMap(({ path }) => /\/(\d{20})\.checkpoint\.parquet$/.exec(path)?.[1] ?? [])
      .map(Number);
    const newest = Math.max(-1, ...versions);
    const commits = files.filter(({ path }) => path.endsWith('.json'));
    if (newest < 0 && commits.length > 0 && !commits.some(({ path }) => path === commitPath(0))) {
      throw new Error(
        `table ${this.name}: its log is damaged: the first commits are gone, and there is no checkpoint`,
      );
    }
    return newest;
  }

  async #checkpoint(): Promise<void> {
    const { storage } = this;
    const nowMs = this.#now();
    const actions: Action[] = [
      { protocol: this.#protocol! },
      { metaData: this.#metaData! },
      ...[...this.#txns.values()].map((txn) => ({ txn })),
      ...[...this.#files.values()].map(({ add }) => ({ add: { ...add, dataChange: false } })),
      ...[...this.#removed.values()].map((remove) => ({ remove })),
    ];
    const target = join(this.#stagingDir, `${this.name}-${randomUUID()}.checkpoint.parquet`);
    try {
      await this.#parquet.checkpoint(actions, target);
      await storage.publish(target, checkpointPath(this.#version));
    } finally {
      await rm(target, { force: true });
    }
    this.#checkpointVersion = this.#version;
    await storage.put(LAST_CHECKPOINT, JSON.stringify({ version: this.#version, size: actions.length }));
    await this.cleanLog(nowMs - LOG_RETENTION_MS);
  }

  /** Deletes commits and checkpoints older than `beforeMs` that the last checkpoint replaces; gives their number. */
  async cleanLog(beforeMs: number): Promise<number> {
    const version = await this.#newestCheckpoint();
    const oldMs = Math.min(beforeMs, this.#now() - LOG_RETENTION_MS_MIN);
    let deleted = 0;
    for (const { path, modifiedMs } of await this.storage.list('_delta_log')) {
      const match = /\/(\d{20})\.(json|checkpoint\.parquet)$/.exec(path);
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
