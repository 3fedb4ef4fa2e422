import type { OffsetRange, TypedBatch } from '../decode/batch.ts';
import type { LogReader } from '../log/event-log.ts';
import type { Positions } from '../log/offset.ts';
import type { ArchivedBatches, ArchiveReader } from '../metrics/engine.ts';
import { sleep } from '../system/sleep.ts';
import { type BatchSource, linesLost } from './batch-source.ts';

const LOOK_MS = 100;

/**
 * Gives the commits of an archive that other processes write, in place of the log: what was decided about each row stands
 * there. Somebody must look for new commits (ArchiveView).
 */
export class ArchiveFeed implements BatchSource {
  readonly #log: LogReader;
  readonly #archive: ArchiveReader;
  readonly #batches: ArchivedBatches;
  readonly #linesMax: number;

  /** `linesMax`: about how many lines a batch has at most. */
  constructor(log: LogReader, archive: ArchiveReader, batches: ArchivedBatches, linesMax: number) {
    this.#log = log;
    this.#archive = archive;
    this.#batches = batches;
    this.#linesMax = linesMax;
  }

  async waitPast(from: Positions, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    const until = performance.now() + timeoutMs;
    for (;;) {
      if (this.ranges(from).length > 0) return true;
      const leftMs = until - performance.now();
      if (leftMs <= 0 || signal?.aborted) return false;
      await sleep(Math.min(leftMs, LOOK_MS), signal);
    }
  }

  /** What the archive has past the positions, or the first of it. */
  ranges(from: Positions): OffsetRange[] {
    const behind = Object.entries(from)
      .map(([id, at]) => ({ partition: Number(id), start: at, end: this.#archive.position(Number(id)) }))
      .filter((range) => range.end > range.start);
    const known = new Map(this.#log.partitions().map((each) => [each.partition, each]));
    const share = this.#linesMax / Math.max(1, behind.length);
    return behind.map((range) => {
      // An offset may hold several lines.
      const { lines = 0, end = 0 } = known.get(range.partition) ?? {};
      const offsets = Math.ceil(share / Math.max(1, lines / Math.max(1, end)));
      return { ...range, end: Math.min(range.end, range.start + offsets) };
    });
  }

  async take(from: Positions): Promise<TypedBatch> {
    const ranges = this.ranges(from);
    const rows = await this.#batches.read(this.#archive, ranges);
    return { ...rows, ranges, lost: await linesLost(this.#log, ranges, rows.sources) };
  }

  async done(_from: Positions, batch: TypedBatch): Promise<void> {
    await this.#batches.release(batch);
  }
}

/**
 * The log for a process that archives all of it, where a batch is at hand before it is archived; while others archive some of it,
 * the archive.
 */
export class LogOrArchive implements BatchSource {
  readonly #log: BatchSource;
  readonly #archive: BatchSource;
  readonly #archivesAll: () => boolean;
  readonly #givenBy = new WeakMap<TypedBatch, BatchSource>();

  constructor(log: BatchSource, archive: BatchSource, archivesAll: () => boolean) {
    this.#log = log;
    this.#archive = archive;
    this.#archivesAll = archivesAll;
  }

  waitPast(from: Positions, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    return this.#source().waitPast(from, timeoutMs, signal);
  }

  async take(from: Positions): Promise<TypedBatch> {
    const source = this.#source();
    const batch = await source.take(from);
    this.#givenBy.set(batch, source);
    return batch;
  }

  async done(from: Positions, batch: TypedBatch): Promise<void> {
    await this.#givenBy.get(batch)?.done(from, batch);
  }

  #source(): BatchSource {
    return this.#archivesAll() ? this.#log : this.#archive;
  }
}
