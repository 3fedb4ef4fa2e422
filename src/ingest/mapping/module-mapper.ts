import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import pLimit from 'p-limit';
import { z } from 'zod';
import { MAPPING_WORKER_FILE } from '../../system/own-files.ts';
import type { Decoded } from '../format.ts';
import type { MapOptions, MappedRecords, Mapper } from '../mapper.ts';
import { settingsSchema } from '../normalize-settings.ts';
import { collectEvents, type RecordResult, recordsOf } from './collect-events.ts';
import type { ModuleContext, WorkerAnswer, WorkerRequest } from './module-types.ts';

/** Records that the module gets at a time. */
const CHUNK_RECORDS = 500;
/** A module that takes longer for a chunk gets its records one by one; one that takes so long for a record does not get it again. */
const ANSWER_MS_MAX = 1000;
const START_MS_MAX = 10_000;
const HEAP_MB = 256;
/** Buffers are not of the heap. */
const BUFFERS_MB = 256;
const WATCH_EVERY_MS = 100;

/**
 * A mapper that is a module of the user's, run in a worker: an endless loop or an error of it costs a record and not the process. Throws an error
 * with a sentence where it can't be used.
 */
export async function createModuleMapper(name: string, file: string): Promise<Mapper> {
  const host = new ModuleHost(file);
  const read = settingsSchema.partial().safeParse(await host.start());
  if (!read.success) throw new Error(`has settings that can't be used: ${z.prettifyError(read.error)}`);
  return {
    name,
    id: createHash('sha256').update(readFileSync(file)).digest('hex'),
    settings: Object.fromEntries(Object.entries(read.data).filter(([, value]) => value !== undefined)),
    // It takes the lists out of the record itself; what it reads is not known, so any name will do that can be read.
    detecting: { isKnownName: (column) => !column.includes('\ufffd'), wrapper: false },
    map: (input, options) => mapByModule(host, input, options),
  };
}

async function mapByModule(
  host: ModuleHost,
  input: readonly Decoded[],
  { beside, ids }: MapOptions = {},
): Promise<MappedRecords> {
  const headers = Object.entries((beside?.headers ?? {}) as Record<string, unknown>);
  const context = { headers: Object.fromEntries(headers.map(([header, value]) => [header, String(value)])) };
  const pieces = recordsOf(input);
  const records = pieces.flatMap((piece) => ('fields' in piece ? [piece.fields] : []));
  const results: RecordResult[] = [];
  for (let from = 0; from < records.length; from += CHUNK_RECORDS)
    for (const result of await host.map(records.slice(from, from + CHUNK_RECORDS), context))
      results.push(result);
  return collectEvents(pieces, results, ids);
}

/** The worker of a module; it is begun again when it had to be ended. */
class ModuleHost {
  readonly #url: string;
  #worker: Worker | null = null;
  /** Requests are answered one after the other. */
  readonly #oneByOne = pLimit(1);

  constructor(file: string) {
    this.#url = pathToFileURL(file).href;
  }

  /** Gives the settings that the module exports. */
  async start(): Promise<unknown> {
    const worker = new Worker(MAPPING_WORKER_FILE, {
      workerData: { url: this.#url },
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    this.#worker = worker;
    // Whoever waits is told; at any other time it is just gone.
    worker.on('error', () => {});
    worker.on('exit', () => {
      if (this.#worker === worker) this.#worker = null;
    });
    const first = await answerOf<{ settings: unknown }>(worker, START_MS_MAX);
    if ('fault' in first) {
      await this.#end();
      throw new Error(`can't be loaded: ${first.fault}`);
    }
    worker.unref();
    return first.answer.settings;
  }

  map(records: WorkerRequest['records'], context: ModuleContext): Promise<RecordResult[]> {
    return this.#oneByOne(() => this.#map(records, context));
  }

  async #map(records: WorkerRequest['records'], context: ModuleContext): Promise<RecordResult[]> {
    const answer = await this.#ask({ records, context });
    if (answer !== null)
      return answer.map((each) =>
        'fault' in each
          ? each
          : { events: each.events.map((fields) => ({ fields })), leftOut: each.events.length === 0 ? 1 : 0 },
      );
    if (records.length === 1)
      return [{ fault: `it took longer than ${ANSWER_MS_MAX} ms, or too much memory, or ended itself` }];
    const results: RecordResult[] = [];
    for (const record of records) results.push((await this.#map([record], context))[0]!);
    return results;
  }

  /** Null where there is no answer in time: the worker is ended then. */
  async #ask(request: WorkerRequest): Promise<WorkerAnswer | null> {
    if (this.#worker === null) await this.start();
    const worker = this.#worker!;
    worker.ref();
    const answering = answerOf<WorkerAnswer>(worker, ANSWER_MS_MAX);
    worker.postMessage(request);
    const result = await answering;
    // It keeps no process from its end while nobody waits for it.
    worker.unref();
    if ('answer' in result) return result.answer;
    await this.#end();
    return null;
  }

  async #end(): Promise<void> {
    await this.#worker?.terminate();
    this.#worker = null;
  }
}

/** The next message of a worker, or why there is none. */
function answerOf<T>(worker: Worker, msMax: number): Promise<{ answer: T } | { fault: string }> {
  return new Promise((resolve) => {
    const end = (result: { answer: T } | { fault: string }) => {
      clearTimeout(timer);
      clearInterval(watch);
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      resolve(result);
    };
    const onMessage = (answer: T) => end({ answer });
    const onError = (error: unknown) =>
      end({ fault: error instanceof Error ? error.message : String(error) });
    const onExit = () => end({ fault: 'it ended before it answered' });
    const watch = setInterval(() => {
      worker.getHeapStatistics().then(
        ({ external_memory: bytes }) => {
          if (bytes > BUFFERS_MB * 1024 * 1024) end({ fault: `it took more than ${BUFFERS_MB} MB` });
        },
        // It has ended, which is told otherwise.
        () => {},
      );
    }, WATCH_EVERY_MS);
    const timer = setTimeout(() => end({ fault: `it took longer than ${msMax} ms` }), msMax);
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
  });
}
