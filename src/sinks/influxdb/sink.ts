import { setTimeout as sleep } from 'node:timers/promises';
import type { RawEvent } from '../../decode/batch.ts';
import type { ChangedRow } from '../../metrics/metrics-store.ts';
import { isLoopback } from '../../system/host.ts';
import type { StateFile } from '../../system/state-file.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { messageOf } from '../../telemetry/system-error.ts';
import { type EventSink, type Sink, SinkError } from '../sink.ts';
import { InfluxClient, PointsRejectedError } from './client.ts';
import type { InfluxConfig } from './config.ts';
import { type MetricSchema, metricPoints, rawLine } from './layout.ts';
import { type Line, lineOf } from './line-protocol.ts';
import { RequestBody } from './request-body.ts';
import { TagValues } from './tag-values.ts';
import { influxTargetOf } from './target.ts';

const LEAVE_MS = 1;
/** Longest part of a point that the log shows. */
const SHOWN_MAX = 300;

export interface InfluxOptions {
  config: InfluxConfig;
  schemas: readonly MetricSchema[];
  /** Where the choice of tag values is kept. */
  tagsFile: StateFile;
  logger: Logger;
  now: () => number;
}

/** Since the start. */
interface InfluxCounters {
  points: number;
  requests: number;
  failed_requests: number;
  /** Points that the server dropped as they are older than what it keeps. */
  expired_points: number;
  /** Points that the server can never take, such as ones that are too long. */
  rejected_points: number;
  /** Points that another one with the same measurement, tags and time has taken the place of, as far as noticed. */
  overwritten_points: number;
}

/** InfluxDB 1.8 and later: metrics and events as points. It keeps nothing of its own but the choice of tag values. */
export class InfluxSink implements Sink, EventSink {
  readonly id: string;
  readonly events: EventSink | null;
  readonly #config: InfluxConfig;
  readonly #client: InfluxClient;
  readonly #schemas: ReadonlyMap<string, MetricSchema>;
  readonly #tagsFile: StateFile;
  readonly #logger: Logger;
  #tagValues: Promise<TagValues> | undefined;
  readonly #counters: InfluxCounters = {
    points: 0,
    requests: 0,
    failed_requests: 0,
    expired_points: 0,
    rejected_points: 0,
    overwritten_points: 0,
  };

  constructor({ config, schemas, tagsFile, logger, now }: InfluxOptions) {
    const target = influxTargetOf(config);
    this.id = target.id;
    this.events = config.raw_events ? this : null;
    this.#config = config;
    const { gzip = !isLoopback(new URL(config.url).hostname), timeout_seconds: seconds } = config;
    this.#client = new InfluxClient({ target, timeoutMs: seconds * 1000, gzip, now });
    this.#schemas = new Map(schemas.map((schema) => [schema.name, schema]));
    this.#tagsFile = tagsFile;
    this.#logger = logger;
  }

  counters(): Readonly<Record<string, number>> {
    return { ...this.#counters };
  }

  check(): Promise<string> {
    return this.#client.check();
  }

  async writeMetrics(points: readonly ChangedRow[], signal: AbortSignal): Promise<void> {
    const { admit } = await this.#tags();
    const windows = Map.groupBy(points, ({ metric, window, row }) => `${metric} ${window} ${row.start}`);
    const pages = Array.from(windows.values(), (group) => {
      const { metric, window } = group[0]!;
      const rows = group.map(({ row }) => row);
      return metricPoints(this.#schemas.get(metric)!, window, rows, admit);
    });
    await this.#write(pages, lineOf, signal);
  }

  async writeEvents(chunks: AsyncIterable<readonly RawEvent[]>, signal: AbortSignal): Promise<void> {
    const { admit } = await this.#tags();
    await this.#write(chunks, (event) => rawLine(event, admit), signal);
  }

  #tags(): Promise<TagValues> {
    this.#tagValues ??= TagValues.open(this.#tagsFile, this.id, this.#config.tag_values_max).catch(
      (error) => {
        this.#tagValues = undefined;
        throw error;
      },
    );
    return this.#tagValues;
  }

  async #write<Item>(
    pages: AsyncIterable<readonly Item[]> | Iterable<readonly Item[]>,
    toLine: (item: Item) => Line,
    signal: AbortSignal,
  ): Promise<void> {
    const { batch_lines_max: linesMax, batch_bytes_max: bytesMax } = this.#config;
    let body = new RequestBody();
    // While the server works on one request, the next one is made.
    let sending = Promise.resolve();
    const send = async () => {
      const next = body;
      body = new RequestBody();
      await sending;
      await (await this.#tags()).save();
      sending = this.#send(next.lines, signal);
      // Who awaits it hears of the failure.
      sending.catch(() => {});
      // The request leaves in several turns of the event loop; the next one would be made before them.
      await sleep(LEAVE_MS);
    };
    for await (const items of pages) {
      for (const item of items) {
        const before = body.add(toLine(item));
        if (before !== null) this.#onOverwritten(before);
        if (body.lines.length >= linesMax || body.length >= bytesMax) await send();
      }
    }
    if (body.lines.length > 0) await send();
    await sending;
  }

  /** Where the server can never take all of the lines, sends them apart, and leaves out those that it can't take. */
  async #send(lines: readonly string[], signal: AbortSignal): Promise<void> {
    this.#counters.requests++;
    try {
      const { expired } = await this.#client.write(lines.map((line) => `${line}\n`).join(''), signal);
      this.#counters.points += lines.length - expired;
      if (expired > 0) this.#onExpired(expired);
    } catch (error) {
      if (!signal.aborted) this.#counters.failed_requests++;
      if (!(error instanceof PointsRejectedError))
        throw error instanceof SinkError ? error : new SinkError(messageOf(error));
      if (lines.length === 1) {
        this.#onRejected(lines[0]!, error.message);
        return;
      }
      const middle = lines.length >> 1;
      await this.#send(lines.slice(0, middle), signal);
      await this.#send(lines.slice(middle), signal);
    }
  }

  #onExpired(points: number): void {
    if (this.#counters.expired_points === 0)
      this.#logger.warn(
        { points },
        'InfluxDB drops points that are older than its retention; give the place a longer one to keep them',
      );
    this.#counters.expired_points += points;
  }

  #onRejected(line: string, why: string): void {
    if (this.#counters.rejected_points++ > 0) return;
    this.#logger.warn(
      { point: line.slice(0, SHOWN_MAX), why },
      'InfluxDB can never accept this point: it is left out there, and is in the archive. Further ones are counted (rejected_points in /metrics)',
    );
  }

  #onOverwritten(line: string): void {
    if (this.#counters.overwritten_points++ > 0) return;
    this.#logger.warn(
      { point: line.slice(0, SHOWN_MAX) },
      'InfluxDB keeps one point of a measurement, tags and time: more than 1,000,000 events of one millisecond overwrite each other there. ' +
        'The archive has all of them. Further ones are counted (overwritten_points in /metrics)',
    );
  }
}
