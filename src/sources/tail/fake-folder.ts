import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { realNow } from '../../../test/support/clock.ts';
import { type FakeContext, fakeContext } from '../fake-context.ts';
import type { Source } from '../source.ts';
import { type TailOptions, tailOptionsSchema } from './config.ts';
import { createTailSource } from './tail-source.ts';

/** For tests of the tail: a folder with logs, and sources that follow them. */
export interface TailBench {
  folder: string;
  log: string;
  context: FakeContext;
  /** A source of a pattern in the folder. */
  source(pattern?: string, options?: Partial<TailOptions>): Source;
  /** The same, started. */
  start(pattern?: string, options?: Partial<TailOptions>): Source;
}

export function tailBench(t: TestContext): TailBench {
  const folder = fs.mkdtempSync(join(tmpdir(), 'tail-'));
  fs.mkdirSync(join(folder, 'state'));
  const context = fakeContext(join(folder, 'state'));
  // How long a file has been quiet is by the time of its last change, which is the machine's.
  context.now = realNow;
  const sources: Source[] = [];
  t.after(async () => {
    for (const source of sources) await source.stop();
    fs.rmSync(folder, { recursive: true });
  });
  const source = (pattern = 'shop.ndjson', options: Partial<TailOptions> = {}) =>
    createTailSource(
      tailOptionsSchema.parse({
        path: join(folder, pattern),
        every_seconds: 0.003,
        rotate_wait_seconds: 0.03,
        ...options,
      }),
      context,
      { backoffBaseMs: 1, backoffCapMs: 3 },
    );
  return {
    folder,
    log: join(folder, 'shop.ndjson'),
    context,
    source,
    start(pattern, options) {
      const started = source(pattern, options);
      sources.push(started);
      started.start();
      return started;
    },
  };
}

export const append = (path: string, ...lines: string[]) =>
  fs.appendFileSync(path, lines.map((line) => `${line}\n`).join(''));
