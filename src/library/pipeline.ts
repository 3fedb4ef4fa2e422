import { isMainThread } from 'node:worker_threads';
import { decodeBody } from '../api/decode-body.ts';
import { type App, mappersModule, openApp, readRuntimeConfig } from '../app/app.ts';
import type { Decoded } from '../ingest/format.ts';
import type { Mapper } from '../ingest/mapper.ts';
import { SOURCE_NAME } from '../log/offset.ts';
import { API_WINDOWS, PARAMETERS, parseMetricQuery } from '../query/metric-query.ts';
import { UsageError } from '../telemetry/errors.ts';
import { createLogger } from '../telemetry/pino-logger.ts';
import { messageOf } from '../telemetry/system-error.ts';
import { ConfigError, InputError, UnavailableError } from './errors.ts';
import { translated } from './translate.ts';
import type { IngestInput, IngestOptions, OpenOptions, Pipeline, QueryOptions } from './types.ts';

const SOURCE = 'embedded';
const DRAIN_MS_MAX = 60_000;

/**
 * Opens a data folder in this process, for `await using` or until `close()`: the event log, the archive, the metrics, and the sources and stores of
 * the config. It opens no port, and needs nothing of the environment but the variables that the config names.
 *
 * @example
 * await using pipeline = await openPipeline({ data: './data', config: { time_zone: 'Europe/Berlin' } });
 */
export function openPipeline(options: OpenOptions): Promise<Pipeline> {
  return translated(async () => {
    const { data, config, logger = createLogger('warn') } = options;
    if (typeof data !== 'string' || data === '')
      throw new ConfigError('bad_config', 'openPipeline() needs the data folder: { data: "./data" }.');
    // Its files are for this user alone, and only the main thread can set that for all that is made.
    if (!isMainThread)
      throw new ConfigError(
        'bad_config',
        'openPipeline() works in the main thread of a process, and this is a worker.',
      );
    const runtime = await readRuntimeConfig({ data, config }, {}, data, process.env);
    const app = await openApp(runtime, logger);
    try {
      await app.startStores();
      await app.startSources();
    } catch (error) {
      await app.close(0);
      throw error;
    }
    return new OpenPipeline(app);
  });
}

class OpenPipeline implements Pipeline {
  readonly #app: App;
  readonly #mappers = new Map<string, Promise<Mapper>>();
  #closing: Promise<unknown> | null = null;

  constructor(app: App) {
    this.#app = app;
  }

  async ingest(input: IngestInput, { source = SOURCE, map, strict = false }: IngestOptions = {}) {
    return translated(async () => {
      const { backend, runtime } = this.#open();
      if (!SOURCE_NAME.test(source))
        throw new InputError('bad_request', `The source "${source}" must be 1 to 32 of a-z, 0-9, _ and -.`);
      const mapper = map === undefined ? undefined : await this.#mapper(map);
      const isBody = typeof input === 'string' || input instanceof Uint8Array;
      const records = isBody
        ? // A copy, as ingest may change what it gets.
          await decodeBody(Buffer.from(input as Uint8Array), runtime.server.decoded_bytes_max, {
            formats: backend.formats,
            ...mapper?.detecting,
          })
        : [linesOf(Array.isArray(input) ? input : [input])];
      return backend.ingest(source, records, { strict, takesMarked: false, mapper });
    });
  }

  async flush() {
    return translated(async () => {
      const app = this.#open();
      await app.waitUntilIdle();
      return { storesBehind: await app.storesCaughtUp() };
    });
  }

  async query(metric: string, { window, from, to, total, top }: QueryOptions = {}) {
    return translated(async () => {
      const { backend } = this.#open();
      const { timeZone } = backend;
      const text = (bound: string | Date | undefined) =>
        bound instanceof Date && !Number.isNaN(bound.getTime()) ? bound.toISOString() : bound?.toString();
      const parsed = parseMetricQuery(
        { metric, window, from: text(from), to: text(to), total, top: top === undefined ? top : String(top) },
        {
          metrics: backend.status().metrics,
          timeZone,
          nowMs: backend.now(),
          defaultWindows: API_WINDOWS,
          wording: PARAMETERS,
        },
      );
      const [fromTime, toTime] = [parsed.fromMs, parsed.toMs].map((ms) => new Date(ms).toISOString());
      const { in_flight: inFlight, ...result } = await backend.query(parsed);
      return { metric, window: parsed.window, timeZone, from: fromTime!, to: toTime!, inFlight, ...result };
    });
  }

  ledger() {
    return this.#open().backend.ledger();
  }

  components() {
    return this.#open().backend.status().parts;
  }

  async close() {
    this.#closing ??= this.#app.close(DRAIN_MS_MAX);
    await translated(async () => this.#closing);
  }

  [Symbol.asyncDispose]() {
    return this.close();
  }

  #open(): App {
    if (this.#closing === null) return this.#app;
    throw new UnavailableError('closed', 'The pipeline is closed.', 'Open it again: openPipeline().');
  }

  /** Each is read once. */
  #mapper(name: string): Promise<Mapper> {
    const held = this.#mappers.get(name);
    if (held !== undefined) return held;
    const reading = mappersModule().then(({ mapperNamed }) =>
      mapperNamed(name, this.#app.runtime).catch((error) => {
        throw error instanceof UsageError ? new InputError('bad_mapping', error.message) : error;
      }),
    );
    this.#mappers.set(name, reading);
    // What was wrong with the file may be corrected.
    reading.catch(() => this.#mappers.delete(name));
    return reading;
  }
}

/** Objects as NDJSON. */
function linesOf(records: readonly object[]): Decoded {
  const texts = records.map((record, index) => {
    try {
      // Nothing, as for a function: it is rejected like any other record that is not an object.
      return `${JSON.stringify(record) ?? null}\n`;
    } catch (error) {
      throw new InputError('bad_json', `Record ${index + 1} can't be written as JSON: ${messageOf(error)}.`);
    }
  });
  return { kind: 'json', bytes: Buffer.from(texts.join('')), places: { first: 1 } };
}
