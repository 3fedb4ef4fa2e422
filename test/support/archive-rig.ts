import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DeltaArchive, type DeltaArchiveOptions } from '../../src/archive/delta/archive.ts';
import { openLocalArchive } from '../../src/archive/storage/local/local-archive.ts';
import { Ingestor } from '../../src/ingest/ingestor.ts';
import type { EventLog } from '../../src/log/event-log.ts';
import { openMemoryLog } from '../../src/log/memory/log.ts';
import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import { duckDbConfig } from '../../src/metrics/duckdb/config.ts';
import { type DuckDb, openDuckDb } from '../../src/metrics/duckdb/open-duckdb.ts';
import { testNow } from './clock.ts';
import { batchOf } from './decode-lines.ts';
import { externalLines } from './external-lines.ts';

/** Storages of the tables, with a local folder for copies. */
type Storages = (
  stagingDir: string,
) => DeltaArchiveOptions['storage'] | Promise<DeltaArchiveOptions['storage']>;

/** The real ingestor, decoder and archive around a log in memory, with the test's clock. */
export class ArchiveRig {
  readonly dir: string;
  readonly archiveDir: string;
  readonly log: EventLog;
  readonly duckdb: DuckDb;
  readonly #ingestor: Ingestor;
  nowMs = testNow();
  /** Gets what the archive warns of. */
  onWarn: (message: string) => void = () => {};
  /** Commits from one checkpoint to the next; unset: as in production. */
  checkpointEvery: number | undefined;
  readonly #storages: Storages | undefined;

  private constructor(
    dir: string,
    log: EventLog,
    duckdb: DuckDb,
    clock: { now: () => number },
    storages: Storages | undefined,
  ) {
    this.dir = dir;
    this.archiveDir = join(dir, 'archive');
    this.log = log;
    this.duckdb = duckdb;
    this.#storages = storages;
    clock.now = () => this.nowMs;
    this.#ingestor = new Ingestor({
      log,
      settings: { time_zone: 'UTC' },
      lineBytesMax: 64 * 1024,
      now: clock.now,
    });
  }

  /** With `storages` the tables are there instead of in the folder `archive`, which then holds local copies. */
  static async open(dir: string, storages?: Storages): Promise<ArchiveRig> {
    const clock = { now: testNow };
    const now = () => clock.now();
    const log = openMemoryLog({ now });
    mkdirSync(join(dir, 'archive'));
    const duckdb = await openDuckDb({
      dir: join(dir, 'metrics'),
      archiveDirs: [join(dir, 'archive')],
      catalogue: CATALOGUE,
      timeZone: 'UTC',
      validateExternal: externalLines(),
      logId: log.id,
      config: duckDbConfig.parse({ threads: 1 }),
      now,
    });
    return new ArchiveRig(dir, log, duckdb, clock, storages);
  }

  /** Another writer on the same folder each time. */
  async openArchive(): Promise<DeltaArchive> {
    const ignore = () => {};
    const warn = (_fields: object, message: string) => this.onWarn(message);
    const logger = { debug: ignore, info: ignore, warn, error: ignore };
    const options = {
      parquet: this.duckdb.parquet,
      logId: this.log.id,
      now: () => this.nowMs,
      logger,
      checkpointEvery: this.checkpointEvery,
    };
    if (!this.#storages) return openLocalArchive(this.archiveDir, options);
    const stagingDir = join(this.archiveDir, randomUUID());
    return DeltaArchive.open({ ...options, stagingDir, storage: await this.#storages(stagingDir) });
  }

  async receive(lines: readonly (string | Buffer)[], source = 'http'): Promise<void> {
    const newline = Buffer.from('\n');
    await this.#ingestor.ingest(source, Buffer.concat(lines.flatMap((line) => [Buffer.from(line), newline])));
  }

  /** Archives up to so many lines; false when there is nothing left. */
  async archive(archive: DeltaArchive, linesMax: number): Promise<boolean> {
    const from = archive.position(0);
    if (from >= this.log.partitions()[0]!.end) return false;
    const batches = await this.log.read(0, from, { linesMax, bytesMax: 256 * 1024 * 1024 });
    const decoded = await this.duckdb.decoder.decode(() => [batches]);
    try {
      const batch = batchOf(decoded, from, batches);
      await this.duckdb.deduplicator.decide(batch, archive, { 0: from });
      await archive.append(batch);
    } finally {
      await this.duckdb.decoder.release(decoded);
    }
    return true;
  }

  close(): Promise<void> {
    return this.duckdb.close();
  }
}
