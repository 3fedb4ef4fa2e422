import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DeltaArchive } from '../../src/archive/delta/archive.ts';
import { openLocalArchive } from '../../src/archive/storage/local/local-archive.ts';
import { ArchiveFeed } from '../../src/consumers/archive-feed.ts';
import { mergePartitions } from '../../src/consumers/merge-partitions.ts';
import type { OffsetRange, TypedBatch } from '../../src/decode/batch.ts';
import { Ingestor } from '../../src/ingest/ingestor.ts';
import type { EventLog } from '../../src/log/event-log.ts';
import { openMemoryLog } from '../../src/log/memory/log.ts';
import { type Positions, sumCounts } from '../../src/log/offset.ts';
import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import type { BatchEngine, RebuildResult } from '../../src/metrics/engine.ts';
import type { MetricRow, MetricsStore } from '../../src/metrics/metrics-store.ts';
import type { WindowSize } from '../../src/metrics/window.ts';
import { ENGINE_NAMES, ENGINES, type EngineName, type EngineUnderTest } from './engines.ts';

/** Lines that arrive together at one time, as one request of a source. */
export interface Delivery {
  atMs: number;
  lines: readonly (string | Buffer)[];
  source?: string;
}

/** All rows of all metrics, by metric and window. */
export type AllRows = Record<string, Partial<Record<WindowSize, MetricRow[]>>>;

export interface HarnessOptions {
  engine: EngineName;
  timeZone: string;
  compactRowsMin?: number;
  rebuildRowsMax?: number;
  /** Partitions of the log; default: one. Deliveries go to them in turn. */
  partitions?: number;
  /** A log that holds the lines already; nothing can be delivered then. */
  log?: EventLog;
}

/** Before the day of 1970-01-01 of any time zone. */
const FROM_MS = -2 * 86_400_000;
const TO_MS = Date.UTC(2200, 0, 1);
const NEWLINE = Buffer.from('\n');

/**
 * The way of a line from the ingestor to the metrics, step by step and with the test's clock: the real ingestor, decoder, archive
 * and engine around a log in memory, which outlives every stop and crash of the rest. Archive and engine have positions
 * of their own, so that either can be ahead.
 */
export class MetricsHarness {
  readonly options: HarnessOptions;
  readonly log: EventLog;
  readonly #ingestor: Ingestor;
  nowMs = 0;
  /** Hears of each batch that was decided. */
  onDecided: (batch: TypedBatch) => void = () => {};
  dir = '';
  archive!: DeltaArchive;
  #parts!: EngineUnderTest;
  #memory: Buffer | undefined;

  private constructor(options: HarnessOptions) {
    this.options = options;
    const { timeZone, log, partitions = 1 } = options;
    this.log = log ?? openMemoryLog({ now: () => this.nowMs, partitions });
    this.#ingestor = new Ingestor({
      log: this.log,
      settings: { time_zone: timeZone },
      lineBytesMax: 1024 * 1024,
      now: () => this.nowMs,
    });
  }

  static async open(options: HarnessOptions): Promise<MetricsHarness> {
    const harness = new MetricsHarness(options);
    harness.dir = await mkdtemp(join(tmpdir(), 'tillstream-metrics-'));
    await harness.#open();
    return harness;
  }

  get engine(): BatchEngine {
    return this.#parts.engine;
  }

  get store(): MetricsStore {
    return this.#parts.store;
  }

  /** Hands lines in at their time. */
  async deliver(...deliveries: readonly Delivery[]): Promise<void> {
    for (const { atMs, lines, source } of deliveries) {
      this.nowMs = atMs;
      const body = Buffer.concat(lines.flatMap((line) => [Buffer.from(line), NEWLINE]));
      await this.#ingestor.ingest(source ?? 'http', body);
    }
  }

  /** Lines of the log; where it has one partition, its end. */
  end(): number {
    return this.log.partitions().reduce((sum, { end }) => sum + end, 0);
  }

  /** Where a reader of the log is. */
  positionsOf(reader: Pick<BatchEngine, 'position'>): Positions {
    return Object.fromEntries(
      this.log.partitions().map(({ partition }) => [partition, reader.position(partition)]),
    );
  }

  /** Archives about so many lines (whole deliveries); false when there is nothing left. */
  archiveSome(linesMax: number): Promise<boolean> {
    return this.#step(this.archive, linesMax, (batch) => this.archive.append(batch));
  }

  /** Measures about so many lines (whole deliveries); false when there is nothing left. */
  measureSome(linesMax: number): Promise<boolean> {
    return this.#step(this.engine, linesMax, (batch) => this.engine.apply(batch));
  }

  /** Measures about so many offsets of what is archived, as a process does that does not archive; false when there is nothing left. */
  async measureArchived(offsetsMax: number): Promise<boolean> {
    const feed = new ArchiveFeed(this.log, this.archive, this.#parts.archived, offsetsMax);
    const from = this.positionsOf(this.engine);
    if (!(await feed.waitPast(from, 0))) return false;
    const batch = await feed.take(from);
    try {
      await this.engine.apply(batch);
    } finally {
      await feed.done(from, batch);
    }
    return true;
  }

  /** Archives and measures all, so many lines at a time, then recomputes what is invalidated. */
  async waitUntilIdle(linesMax = 50_000): Promise<void> {
    const [archive, engine] = [this.archive, this.engine];
    const isTogether = () => isSame(this.positionsOf(engine), this.positionsOf(archive));
    const both = async (batch: TypedBatch) => {
      await archive.append(batch);
      await engine.apply(batch);
    };
    const isFed = ENGINE_NAMES.includes(this.options.engine);
    while (isFed && isTogether() && (await this.#step(engine, linesMax, both)));
    while (await this.archiveSome(linesMax));
    while (await (isFed ? this.measureSome(linesMax) : this.measureArchived(linesMax)));
    assert.equal(
      await engine.recompute(archive),
      0,
      'with the archive up to date, no window stays invalidated',
    );
  }

  /** Runs `use` with the batch of the log that starts at `from`, merged as in the product. */
  async withBatch<T>(from: Positions, linesMax: number, use: (batch: TypedBatch) => Promise<T>): Promise<T> {
    const limits = { linesMax, bytesMax: 256 * 1024 * 1024, runsMax: 65_536 };
    let ranges: () => OffsetRange[] = () => [];
    const decoded = await this.#parts.decoder.decode(() => {
      const merge = mergePartitions(this.log, from, limits, this.#memory);
      this.#memory = merge.memory;
      ranges = merge.ranges;
      return merge.pieces;
    });
    try {
      const batch = { ...decoded, ranges: ranges(), lost: {} };
      await this.#parts.deduplicator.decide(batch, this.archive, this.#keepFrom());
      this.onDecided(batch);
      return await use(batch);
    } finally {
      await this.#parts.decoder.release(decoded);
    }
  }

  #keepFrom(): Positions {
    const [archive, engine] = [this.positionsOf(this.archive), this.positionsOf(this.engine)];
    return Object.fromEntries(
      Object.keys(archive).map((id) => [id, Math.min(archive[Number(id)]!, engine[Number(id)]!)]),
    );
  }

  async #step(
    reader: Pick<BatchEngine, 'position'>,
    linesMax: number,
    take: (batch: TypedBatch) => Promise<void>,
  ): Promise<boolean> {
    const from = this.positionsOf(reader);
    if (this.log.partitions().every(({ partition, end }) => from[partition]! >= end)) return false;
    await this.withBatch(from, linesMax, take);
    return true;
  }

  /** Stops properly and opens again. `whileClosed` may change files. */
  async reopen(whileClosed?: () => Promise<void>): Promise<void> {
    await this.#parts.close();
    await whileClosed?.();
    await this.#open();
  }

  /** Goes on from what a crash at this moment would have left: a copy of the files, without any closing. */
  async crash(): Promise<void> {
    const [old, oldParts] = [this.dir, this.#parts];
    this.dir = await mkdtemp(join(tmpdir(), 'tillstream-metrics-'));
    await cp(old, this.dir, { recursive: true });
    await this.#open();
    await oldParts.close();
    await rm(old, { recursive: true, force: true });
  }

  /** Loses the state of the metrics, as a damaged disk would; the engine starts again from the archive. */
  async loseState(): Promise<void> {
    await this.reopen(() => rm(this.stateDir(), { recursive: true }));
  }

  stateDir(): string {
    return join(this.dir, 'state');
  }

  /** What was found wrong at the last start. */
  message(): string {
    return this.#parts.message;
  }

  async #open(): Promise<void> {
    const archiveDir = join(this.dir, 'archive');
    await mkdir(archiveDir, { recursive: true });
    const { engine, log: _log, partitions: _partitions, ...options } = this.options;
    const now = () => this.nowMs;
    const logId = this.log.id;
    this.#parts = await ENGINES[engine]({ ...options, dir: this.stateDir(), archiveDir, logId, now });
    this.archive = await openLocalArchive(archiveDir, { parquet: this.#parts.parquet, logId, now });
    if (this.engine.isEmpty()) await this.engine.restore(this.archive);
  }

  /** Every row that a query can give. */
  rows(): Promise<AllRows> {
    return allRows(this.store);
  }

  async diff(): Promise<RebuildResult> {
    return this.engine.rebuild(this.archive, null, true);
  }

  /** Promises 3 and 4 at rest: every line is counted once, and the archive gives the same rows again. */
  async assertSound(): Promise<void> {
    const { counted, duplicate, excluded, bad } = this.engine.ledger();
    const lines = this.end();
    for (const { partition, end } of this.log.partitions())
      assert.equal(this.engine.position(partition), end, `position in partition ${partition}`);
    const measured = [counted, duplicate, excluded].reduce((sum, part) => sum + sumCounts(part), 0);
    assert.equal(measured + sumCounts(bad), lines, 'the ledger balances');
    const archived = this.archive.counts();
    assert.equal(sumCounts(archived.events), measured);
    assert.equal(sumCounts(archived.bad_rows), sumCounts(bad));
    assert.equal(this.engine.invalidatedWindows(), 0);
    const { windows, differences, examples } = await this.diff();
    assert.equal(differences, 0, `rebuild --diff finds: ${JSON.stringify(examples.slice(0, 5), null, 2)}`);
    assert.ok(windows > 0 || lines === 0);
  }

  async close(): Promise<void> {
    await this.#parts.close();
    await rm(this.dir, { recursive: true, force: true });
  }
}

function isSame(a: Positions, b: Positions): boolean {
  return Object.keys(a).every((partition) => a[Number(partition)] === b[Number(partition)]);
}

/** Every row that a query of the store can give. */
async function allRows(store: MetricsStore): Promise<AllRows> {
  const all: AllRows = {};
  for (const metric of CATALOGUE) {
    const byWindow: AllRows[string] = {};
    all[metric.name] = byWindow;
    for (const window of metric.windows) {
      const query = { metric: metric.name, window, fromMs: FROM_MS, toMs: TO_MS };
      byWindow[window] = (await store.query(query)).rows;
    }
  }
  return all;
}
