import {
  type BatchDecoder,
  type EventReader,
  type OffsetRange,
  positionsAfter,
  type TypedBatch,
} from '../decode/batch.ts';
import type { LogReader } from '../log/event-log.ts';
import type { Offset, Positions } from '../log/offset.ts';
import type { ArchiveReader } from '../metrics/engine.ts';
import type { EventSink } from '../sinks/sink.ts';
import type { StateFile } from '../system/state-file.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { ComponentStatus } from '../telemetry/status.ts';
import { ConsumerLoop } from './consumer-loop.ts';
import { SharedBatches } from './shared-batches.ts';

export interface EventFeedOptions {
  /** Name of the consumer of the log. */
  name: string;
  log: LogReader;
  decoder: BatchDecoder;
  events: EventReader;
  archive: ArchiveReader;
  sink: EventSink;
  file: StateFile;
  logger: Logger;
  /** Most runs of lines with one source and received-at in a batch. */
  runsMax: number;
}

/** How far the sink has come in the log, in the file. */
interface EventFeedProgress {
  /** The sink's id and the log's: offsets say nothing about others. */
  sink: string;
  log: string;
  positions: Positions;
}

/** A batch is held for as long as the sink takes, which may be long: it is a small one. */
const BATCH_LINES_MAX = 50_000;
const BATCH_BYTES_MAX = 32 * 1024 * 1024;
const BATCH_DELAY_MS = 1000;
/** Offsets that are taken from the archive before the progress is noted. */
const REFILL_OFFSETS = 1_000_000;

/**
 * Carries single events from the log to a sink: a consumer of the log with a position of its own. Its batches are its own too, so
 * that archive and metrics never wait for a sink that is slow or away; that costs to parse the lines once more. The log keeps no lines
 * for it: what it has deleted before the sink took it comes from the archive.
 */
export class EventFeed {
  readonly #options: EventFeedOptions;
  readonly #batches: SharedBatches;
  readonly #loop: ConsumerLoop;
  readonly #abort = new AbortController();
  #progress: EventFeedProgress;
  /** Whether the file has a progress, so that a gap is noticed after a restart too. */
  #isNoted = false;
  /** Offsets that the archive is to give. */
  #refilling = 0;

  constructor(options: EventFeedOptions) {
    this.#options = options;
    const { log, decoder, logger, name, runsMax, sink } = options;
    this.#progress = { sink: sink.id, log: log.id, positions: {} };
    const limits = {
      linesMax: BATCH_LINES_MAX,
      bytesMax: BATCH_BYTES_MAX,
      runsMax,
      waitMsMax: 0,
    };
    // Single events go to the sink as they came, also those that came twice.
    this.#batches = new SharedBatches(log, decoder, limits);
    this.#loop = new ConsumerLoop({
      name,
      log,
      batches: this.#batches,
      logger,
      positions: () => this.#positions(),
      prepare: {
        message: () =>
          `It was unavailable for longer than the event log keeps lines. The lines that it missed are written from the archive.`,
        isNeeded: () => !this.#isNoted || this.#gaps().length > 0,
        run: (signal) => this.#catchUp(signal),
      },
      step: (batch) => this.#step(batch),
      batchDelayMs: () => BATCH_DELAY_MS,
      fullBatchLines: BATCH_LINES_MAX,
    });
  }

  async start(): Promise<void> {
    const { file, sink, log } = this.#options;
    const saved = asProgress(await file.read());
    this.#isNoted = saved?.sink === sink.id && saved.log === log.id;
    // A new sink begins where the log does.
    const starts = log.partitions().map(({ partition, start }) => [partition, start]);
    this.#progress = this.#isNoted
      ? saved!
      : { sink: sink.id, log: log.id, positions: Object.fromEntries(starts) };
    await this.#loop.start();
  }

  /** Stops when the sink has the lines that the log has now, or when it fails, but no later than `drainMsMax`. */
  async stop(drainMsMax: number): Promise<void> {
    const giveUp = () => this.#abort.abort();
    const timer = setTimeout(giveUp, this.#loop.status().state === 'ready' ? drainMsMax : 0);
    await this.#loop.stop(drainMsMax);
    clearTimeout(timer);
  }

  /** Lines that the sink lacks; those that only the archive has are counted as offsets. */
  lag(): number {
    return this.#loop.lag() + this.#gaps().reduce((sum, { start, end }) => sum + end - start, 0);
  }

  status(): ComponentStatus {
    const { state, message } = this.#loop.status();
    return { state: state === 'starting' && this.#refilling === 0 ? 'ready' : state, message };
  }

  /** Where it reads the log: what the log no longer has is taken from elsewhere. */
  #positions(): Positions {
    return Object.fromEntries(
      this.#options.log
        .partitions()
        .map(({ partition, start }) => [partition, Math.max(start, this.#taken(partition))]),
    );
  }

  /** A partition that was not there yet when the sink began is taken from its beginning. */
  #taken(partition: number): Offset {
    return this.#progress.positions[partition] ?? 0;
  }

  /** What the log has deleted before the sink took it. */
  #gaps(): OffsetRange[] {
    return this.#options.log.partitions().flatMap(({ partition, start }) => {
      const taken = this.#taken(partition);
      return taken < start ? [{ partition, start: taken, end: start }] : [];
    });
  }

  async #catchUp(signal: AbortSignal): Promise<void> {
    if (!this.#isNoted) await this.#note({});
    const { name, logger } = this.#options;
    // The log may delete more meanwhile.
    for (let gaps = this.#gaps(); gaps.length > 0; gaps = this.#gaps()) {
      const offsets = gaps.reduce((sum, { start, end }) => sum + end - start, 0);
      if (this.#refilling === 0)
        logger.warn(
          { consumer: name, gaps },
          `${name}: the event log no longer has ${offsets} offsets that it has not taken; they are written from the archive`,
        );
      this.#refilling = offsets;
      for (const gap of gaps) await this.#refill(gap, signal);
    }
    if (this.#refilling > 0)
      logger.info({ consumer: name }, `${name}: it has caught up, and continues with the event log`);
    this.#refilling = 0;
  }

  async #refill({ partition, start, end }: OffsetRange, signal: AbortSignal): Promise<void> {
    const { archive, events, sink } = this.#options;
    if (archive.position(partition) < end)
      throw new Error(
        `It waits for the archive: the event log no longer has the lines before offset ${end} of partition ${partition}, ` +
          'and they are not archived yet.',
      );
    const either = AbortSignal.any([signal, this.#abort.signal]);
    for (let at = start; at < end; at += REFILL_OFFSETS) {
      const range = { partition, start: at, end: Math.min(end, at + REFILL_OFFSETS) };
      await archive.withFiles('events', { ranges: [range] }, (files) =>
        sink.writeEvents(events.archived(files, range), either),
      );
      await this.#note({ [partition]: range.end });
    }
  }

  async #step(batch: TypedBatch): Promise<void> {
    const { events, sink, log } = this.#options;
    const starts = new Map(log.partitions().map(({ partition, start }) => [partition, start]));
    // The log may have deleted lines while they were read.
    if (batch.ranges.some(({ partition, start }) => start < (starts.get(partition) ?? 0))) return;
    await sink.writeEvents(events.events(batch), this.#abort.signal);
    await this.#note(positionsAfter(batch.ranges));
  }

  async #note(reached: Positions): Promise<void> {
    const progress = { ...this.#progress, positions: { ...this.#progress.positions, ...reached } };
    await this.#options.file.write(progress);
    this.#progress = progress;
    this.#isNoted = true;
  }
}

/** Null where it is not what a feed writes. */
function asProgress(saved: unknown): EventFeedProgress | null {
  const { sink, log, positions } = (saved ?? {}) as Partial<EventFeedProgress>;
  if (typeof sink !== 'string' || typeof log !== 'string' || typeof positions !== 'object') return null;
  return Object.values(positions ?? {}).every(Number.isSafeInteger)
    ? { sink, log, positions: positions ?? {} }
    : null;
}
