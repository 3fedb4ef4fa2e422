import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { detectFormat } from '../../src/ingest/detect.ts';
import { ingestWithRetry } from '../../src/sources/ingest-with-retry.ts';
import type { Source, SourceContext, SourceKind } from '../../src/sources/source.ts';
import { readStateFile } from '../../src/sources/state.ts';
import { writeFileDurable } from '../../src/system/write-durable.ts';

const optionsSchema = z.strictObject({ file: z.string(), name: z.string().default('till') });
type TillOptions = z.infer<typeof optionsSchema>;

/** Reads a file once; the cursor says that it was read. */
class TillSource implements Source {
  readonly name: string;
  readonly #file: string;
  readonly #context: SourceContext;
  readonly #abort = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #message = '';

  constructor({ name, file }: TillOptions, context: SourceContext) {
    this.name = name;
    this.#file = file;
    this.#context = context;
  }

  start() {
    this.#running = this.#read().catch((error: Error) => {
      this.#message = error.message;
    });
  }

  async stop() {
    this.#abort.abort();
    await this.#running;
  }

  status() {
    const state = this.#message === '' ? ('ready' as const) : ('failed' as const);
    return { kind: 'till', state, message: this.#message, lastEventAtMs: null, counters: {} };
  }

  async check() {
    await readFile(this.#file);
    return `${this.#file} is there`;
  }

  async #read() {
    const context = this.#context;
    const cursor = join(context.stateDir, 'cursor.json');
    if ((await readStateFile(cursor)) !== null) return;
    const bytes = await readFile(this.#file);
    const found = detectFormat({ bytes, isWhole: true }, context.detecting);
    if (!('format' in found)) throw new Error(`${this.#file} has an unknown format.`);
    const decoder = found.format.decoder(found.detection);
    const taken = await ingestWithRetry({
      body: [...decoder.push(bytes), ...decoder.end()],
      source: this.name,
      context,
      signal: this.#abort.signal,
      onWait: (message) => context.log.warn({}, message),
      tuning: {},
    });
    // Only now: what was not taken is read again after a restart.
    if (taken !== null) await writeFileDurable(cursor, '{"read":true}');
  }
}

export const tillSource: SourceKind<typeof optionsSchema> = {
  schema: optionsSchema,
  reads: ({ file }) => file,
  create: async (options, context) => new TillSource(options, context),
};
