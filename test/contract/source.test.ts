import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { pollOptionsSchema } from '../../src/sources/poll/config.ts';
import { createPollSource } from '../../src/sources/poll/poll-source.ts';
import type { SourceContext } from '../../src/sources/source.ts';
import { tailOptionsSchema } from '../../src/sources/tail/config.ts';
import { createTailSource } from '../../src/sources/tail/tail-source.ts';
import { createLogApi } from '../../tools/simulator/log-api.ts';
import { temporaryDir } from '../support/product.ts';
import { sourceContract } from './source.ts';

const TUNING = { backoffBaseMs: 2, backoffCapMs: 20 };

const poll = (url: string, context: SourceContext) =>
  createPollSource(
    pollOptionsSchema.parse({ url, every_seconds: 0.01, timeout_seconds: 5 }),
    context,
    TUNING,
  );
const tail = (path: string, context: SourceContext) =>
  createTailSource(tailOptionsSchema.parse({ path, every_seconds: 0.01 }), context, TUNING);

sourceContract({
  kind: 'poll',
  async open() {
    const api = await createLogApi({ port: 0, firstPosition: 1000, random: Math.random });
    return {
      async add(lines) {
        for (const line of lines) api.append(line);
      },
      source: (context) => poll(api.url, context),
      // Nothing listens on port 1.
      lostSource: (context) => poll('http://127.0.0.1:1/', context),
      close: () => api.close(),
    };
  },
});

sourceContract({
  kind: 'tail',
  async open() {
    const path = join(temporaryDir(), 'shop.ndjson');
    appendFileSync(path, '');
    return {
      async add(lines) {
        appendFileSync(path, lines.map((line) => `${line}\n`).join(''));
      },
      source: (context) => tail(path, context),
      lostSource: (context) => tail(join(temporaryDir(), 'missing', 'shop.ndjson'), context),
      async close() {},
    };
  },
});
