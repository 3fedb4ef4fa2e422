import { readFile, writeFile } from 'node:fs/promises';
import type { SourceLogger } from '../../src/sources/source.ts';
import { reasonOf } from '../../src/telemetry/system-error.ts';
import { batches, toNdjson } from './batches.ts';
import { oldDataset } from './dataset.ts';
import { createLogApi } from './log-api.ts';
import { postBatch } from './post.ts';
import { Random } from './random.ts';
import { RotatingFile } from './rotating-file.ts';
import { type ShopOptions, startBefore } from './shop.ts';
import { type Rates, type SimulatedLine, stream } from './stream.ts';
import { Truth, type TruthSummary } from './truth.ts';

export interface SimulatorOptions {
  /** serve: the log API; post: to a collector; file: an NDJSON file; dataset: a data set in the old shape, as JSON. */
  mode: 'serve' | 'post' | 'file' | 'dataset';
  seed?: number;
  /** Mean events per second; default RATE_DEFAULT. */
  rate?: number;
  /** Lines in total; needed when not live. serve and post go on without it until the signal. */
  count?: number;
  /** Time of the first line. Default: now when live, else so far back that the last line is about now. */
  startMs?: number;
  rates?: Partial<Rates>;
  /** Further traits of the shop. */
  shop?: Omit<ShopOptions, 'seed' | 'startMs' | 'eventsPerSecond'>;
  /** Lines come in wall-clock time. Default: true for serve and post, false for file. */
  live?: boolean;
  /** serve: host and port of the log API; post: nothing. */
  host?: string;
  port?: number;
  retainEntries?: number;
  /** serve: false leaves out `GET /logs`, as the old log API. */
  cursorApi?: boolean;
  /** post: where the collector takes events. */
  url?: string;
  /** post: name of the environment variable with the API key; the key itself is never an option. */
  apiKeyEnv?: string;
  batchLines?: number;
  /** file, dataset: where to write; file: `-` is stdout. */
  path?: string;
  rotateBytes?: number;
  rotateKeep?: number;
  /** A file with a JSON array: its entries are used in place of the model's. */
  dataset?: string;
  /** Where to write the truth at the end. */
  truthFile?: string;
  timeZone?: string;
  finest?: '1m' | '1h';
}

export interface SimulatorContext {
  /** Where lines go with path `-`. */
  write?: (lines: Buffer) => Promise<void>;
  signal: AbortSignal;
  log: SourceLogger;
  /** Default: process.env. */
  env?: Readonly<Record<string, string | undefined>>;
  now?: () => number;
  /** Told once, with the log API's URL. */
  onReady?: (url: string) => void;
}

export interface SimulatorReport {
  mode: SimulatorOptions['mode'];
  lines: number;
  bytes: number;
  seconds: number;
  url: string | null;
  /** post: the collector's own counts. */
  accepted: number;
  rejected: number;
  truth: TruthSummary | null;
}

/** Events per second where no rate is given. */
export const RATE_DEFAULT = 20;

/** A wrong option; the message names it. */
export class SimulatorUsageError extends Error {
  override name = 'SimulatorUsageError';
}

/** Runs the simulator until its lines are out or the signal comes; then the truth file is complete. */
export async function runSimulator(
  options: SimulatorOptions,
  context: SimulatorContext,
): Promise<SimulatorReport> {
  const now = context.now ?? Date.now;
  const startedMs = now();
  const report: SimulatorReport = {
    mode: options.mode,
    lines: 0,
    bytes: 0,
    seconds: 0,
    url: null,
    accepted: 0,
    rejected: 0,
    truth: null,
  };
  if (options.mode === 'dataset') await writeDataset(options, report);
  else await runLines(options, context, report, now);
  report.seconds = (now() - startedMs) / 1000;
  return report;
}

async function writeDataset(options: SimulatorOptions, report: SimulatorReport): Promise<void> {
  const events = oldDataset({ seed: options.seed ?? 1, count: options.count ?? 4000 });
  const text = `[\n${events.map((event) => JSON.stringify(event)).join(',\n')}\n]\n`;
  await writeFile(needed(options.path, 'path'), text);
  report.lines = events.length;
  report.bytes = Buffer.byteLength(text);
}

async function runLines(
  options: SimulatorOptions,
  context: SimulatorContext,
  report: SimulatorReport,
  now: () => number,
): Promise<void> {
  const live = options.live ?? options.mode !== 'file';
  const rate = options.rate ?? RATE_DEFAULT;
  if (!(rate > 0 && rate <= 1_000_000))
    throw new SimulatorUsageError('rate must be above 0 and at most 1000000.');
  if (!live && options.count === undefined && options.dataset === undefined) {
    throw new SimulatorUsageError('count is needed when the lines do not come in wall-clock time.');
  }
  const startMs = options.startMs ?? (live ? now() : startBefore(now(), options.count ?? 0, rate));
  const truth =
    options.truthFile === undefined || options.dataset !== undefined
      ? null
      : new Truth({ timeZone: options.timeZone ?? 'UTC', finest: options.finest ?? '1m' });
  const lines =
    options.dataset === undefined
      ? stream({
          ...options.shop,
          seed: options.seed ?? 1,
          startMs: Math.floor(startMs),
          eventsPerSecond: rate,
          ...(options.count === undefined ? {} : { count: options.count }),
          ...(options.rates === undefined ? {} : { rates: options.rates }),
        })
      : datasetLines(await readDataset(options.dataset), now());
  const linesMax = options.batchLines ?? 1000;
  const groups = batches(lines, { linesMax, live, now, signal: context.signal });
  const target = await openTarget(options, context, report, startMs);
  try {
    for await (const group of groups) {
      if (!(await target.take(group))) break;
      report.lines += group.length;
      if (truth !== null) for (const line of group) truth.add(line);
    }
    // A log API stays up after its last entry, for its readers.
    if (options.mode === 'serve') await untilAborted(context.signal);
  } finally {
    await target.close();
    if (truth !== null && options.truthFile !== undefined) {
      truth.writeFile(options.truthFile);
      report.truth = truth.summary();
    }
  }
}

interface LineTarget {
  /** False: stop, the signal came. */
  take(group: readonly SimulatedLine[]): Promise<boolean>;
  close(): Promise<void>;
}

async function openTarget(
  options: SimulatorOptions,
  context: SimulatorContext,
  report: SimulatorReport,
  startMs: number,
): Promise<LineTarget> {
  const random = new Random(options.seed ?? 1, 5);
  if (options.mode === 'serve') {
    const api = await createLogApi({
      port: options.port ?? 5000,
      host: options.host ?? '127.0.0.1',
      firstPosition: Math.floor(startMs) * 1000,
      random: () => random.next(),
      ...(options.retainEntries === undefined ? {} : { retainEntries: options.retainEntries }),
      ...(options.cursorApi === undefined ? {} : { cursorApi: options.cursorApi }),
    });
    report.url = api.url;
    context.log.info({ url: api.url }, 'log API is ready');
    context.onReady?.(api.url);
    return {
      async take(group) {
        for (const { line, kind } of group) {
          api.append(line, kind !== 'bad');
          report.bytes += line.length + 1;
        }
        return true;
      },
      close: () => api.close(),
    };
  }
  if (options.mode === 'file' && options.path === '-') {
    const { write } = context;
    if (write === undefined) throw new SimulatorUsageError('There is no stdout to write to.');
    return {
      async take(group) {
        const body = toNdjson(group);
        report.bytes += body.length;
        await write(body);
        return true;
      },
      close: async () => {},
    };
  }
  if (options.mode === 'file') {
    const { rotateBytes = 0, rotateKeep = 5 } = options;
    const file = new RotatingFile({
      path: needed(options.path, 'path'),
      rotateBytes,
      keep: rotateKeep,
      append: options.live ?? false,
    });
    return {
      async take(group) {
        const body = toNdjson(group);
        file.write(body);
        report.bytes += body.length;
        return true;
      },
      close: async () => file.close(),
    };
  }
  const env = context.env ?? process.env;
  const apiKey = env[options.apiKeyEnv ?? 'TILLSTREAM_API_KEY'] ?? null;
  const url = needed(options.url, 'url');
  if (options.apiKeyEnv !== undefined && apiKey === null) {
    throw new SimulatorUsageError(`The environment variable ${options.apiKeyEnv} is not set.`);
  }
  const onWait = (seconds: number, why: string) =>
    context.log.warn({ seconds, why }, 'collector is busy, waiting');
  return {
    async take(group) {
      const body = toNdjson(group);
      const result = await postBatch(body, {
        url,
        apiKey,
        signal: context.signal,
        random: () => random.next(),
        onWait,
      });
      if (result === null) return false;
      report.bytes += body.length;
      report.accepted += result.accepted;
      report.rejected += result.rejected;
      return true;
    },
    close: async () => {},
  };
}

async function readDataset(path: string): Promise<unknown[]> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new SimulatorUsageError(`The data set ${path} can't be read as JSON: ${reasonOf(error)}.`);
  }
  if (!Array.isArray(value) || value.length === 0) {
    throw new SimulatorUsageError(`The data set ${path} must be a JSON array with at least one entry.`);
  }
  return value;
}

function* datasetLines(entries: unknown[], nowMs: number): Generator<SimulatedLine, void, undefined> {
  for (const entry of entries) {
    yield { line: JSON.stringify(entry), receivedAtMs: nowMs, kind: 'event', reason: null, event: null };
  }
}

function needed(value: string | undefined, name: string): string {
  if (value === undefined || value === '') throw new SimulatorUsageError(`The option ${name} is missing.`);
  return value;
}

function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
