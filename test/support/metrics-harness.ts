import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DeltaArchive, openLocalArchive } from '../../src/adapters/archive/delta/archive.ts';
import { CHUNKS_MAX } from '../../src/adapters/engine/duckdb/batch-parser.ts';
import { openMemoryLog } from '../../src/adapters/log/memory/log.ts';
import { sumCounts } from '../../src/domain/offset.ts';
import type { WindowSize } from '../../src/domain/window.ts';
import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import { Door } from '../../src/pipeline/door.ts';
import type { ParsedBatch } from '../../src/ports/batch.ts';
import type { BatchEngine, RebuildResult } from '../../src/ports/engine.ts';
import type { EventLog } from '../../src/ports/event-log.ts';
import type { MetricRow, MetricsStore } from '../../src/ports/metrics-store.ts';
import { ENGINES, type EngineName, type EngineUnderTest } from './engines.ts';
import { batchOf } from './parse-lines.ts';

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
  foldRowsMin?: number;
  /** A log that holds the lines already, of one partition; nothing can be delivered then. */
  log?: EventLog;
}

/** Before the day of 1970-01-01 of any time zone. */
const FROM_MS = -2 * 86_400_000;
const TO_MS = Date.UTC(2200, 0, 1);
const NEWLINE = Buffer.from('\n');

/**
 * The way of a line from the door to the metrics, step by step and with the test's clock: the real door, parser, archive
 * and engine around a log in memory, which outlives every stop and crash of the rest. Archive and engine have positions
 * of their own, so that either can be ahead.
 */
export class MetricsHarness {
  readonly options: HarnessOptions;
  readonly log: EventLog;
  readonly #door: Door;
  nowMs = 0;
  dir = '';
  archive!: DeltaArchive;
  #parts!: EngineUnderTest;

  private constructor(options: HarnessOptions) {
    this.options = options;
    const { timeZone, log } = options;
    this.log = log ?? openMemoryLog({ now: () => this.nowMs });
    this.#door = new Door({ log: this.log, timeZone, lineBytesMax: 1024 * 1024, now: () => this.nowMs });
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
      await this.#door.ingest(source ?? 'http', body);
    }
  }

  end(): number {
    return this.log.partitions()[0]!.end;
  }

  /** Archives about so many lines (whole deliveries); false when there is nothing left. */
  archiveSome(linesMax: number): Promise<boolean> {
    return this.#step(this.archive.position(0), linesMax, (batch) => this.archive.append(batch));
  }

  /** Measures about so many lines (whole deliveries); false when there is nothing left. */
  measureSome(linesMax: number): Promise<boolean> {
    return this.#step(this.engine.position(0), linesMax, (batch) => this.engine.apply(batch));
  }

  /** Archives and measures all, so many lines at a time, then recomputes what is dirty. */
  async settle(linesMax = 50_000): Promise<void> {
    const [archive, engine] = [this.archive, this.engine];
    while (engine.position(0) < this.end() && engine.position(0) === archive.position(0)) {
      await this.#step(engine.position(0), linesMax, async (batch) => {
        await archive.append(batch);
        await engine.apply(batch);
      });
    }
    while (await this.archiveSome(linesMax));
    while (await this.measureSome(linesMax));
    assert.equal(await engine.repair(archive), 0, 'with the archive up to date, no window stays dirty');
  }

  /** Runs `use` with the batch of the log that starts at `from`. */
  async withBatch<T>(from: number, linesMax: number, use: (batch: ParsedBatch) => Promise<T>): Promise<T> {
    const batches = (await this.log.read(0, from, { linesMax, bytesMax: 256 * 1024 * 1024 })).slice(
      0,
      CHUNKS_MAX,
    );
    const parsed = await (await this.#parts.parser.stage([batches])).parse();
    try {
      return await use(batchOf(parsed, from, batches));
    } finally {
      await this.#parts.parser.release(parsed);
    }
  }

  async #step(from: number, linesMax: number, take: (batch: ParsedBatch) => Promise<void>): Promise<boolean> {
    if (from >= this.end()) return false;
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
    const { engine, log: _log, ...options } = this.options;
    const now = () => this.nowMs;
    const logId = this.log.id;
    this.#parts = await ENGINES[engine]({ ...options, dir: this.stateDir(), archiveDir, logId, now });
    this.archive = await openLocalArchive(archiveDir, { parquet: this.#parts.parquet, logId, now });
    if (this.engine.isEmpty()) await this.engine.restore(this.archive);
  }

  /** Every row that a query can give. */
  async rows(): Promise<AllRows> {
    const all: AllRows = {};
    for (const metric of CATALOGUE) {
      const byWindow: AllRows[string] = {};
      all[metric.name] = byWindow;
      for (const window of metric.windows) {
        const { rows } = await this.store.query({
          metric: metric.name,
          window,
          fromMs: FROM_MS,
          toMs: TO_MS,
        });
        byWindow[window] = rows;
      }
    }
    return all;
  }

  async diff(): Promise<RebuildResult> {
    return this.engine.rebuild(this.archive, null, true);
  }

  /** Promises 3 and 4 at rest: every line is counted once, and the archive gives the same rows again. */
  async assertSound(): Promise<void> {
    const { counted, duplicate, bad } = this.engine.ledger();
    const lines = this.end();
    assert.equal(this.engine.position(0), lines);
    assert.equal(sumCounts(counted) + sumCounts(duplicate) + sumCounts(bad), lines, 'the ledger balances');
    const archived = this.archive.counts();
    assert.equal(sumCounts(archived.events), sumCounts(counted) + sumCounts(duplicate));
    assert.equal(sumCounts(archived.bad_rows), sumCounts(bad));
    assert.equal(this.engine.dirtyWindows(), 0);
    const { windows, differences, examples } = await this.diff();
    assert.equal(differences, 0, `rebuild --diff finds: ${JSON.stringify(examples.slice(0, 5), null, 2)}`);
    assert.ok(windows > 0 || lines === 0);
  }

  async close(): Promise<void> {
    await this.#parts.close();
    await rm(this.dir, { recursive: true, force: true });
  }
}
