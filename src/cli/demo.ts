import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type App, createPollSource, pollOptionsSchema, runSimulator } from '../app.ts';
import type { Logger } from '../domain/logger.ts';
import type { Source } from '../ports/source.ts';

/** Events per second of the demo shop, and how much of its past it knows at the start. */
const RATE = 25;
const PAST_MS = 30 * 60_000;

/**
 * The demo: a simulated shop with a log API on a free port, and a poller on it, as the old pipeline had. The shop
 * forgets everything when it stops, so the poller begins anew with each start.
 */
export async function startDemo(
  app: App,
  logger: Logger,
): Promise<{ source: Source; stop(): Promise<void> }> {
  const abort = new AbortController();
  let running: Promise<unknown> = Promise.resolve();
  const url = await new Promise<string>((resolve, reject) => {
    running = runSimulator(
      {
        mode: 'serve',
        host: '127.0.0.1',
        port: 0,
        rate: RATE,
        seed: Date.now() % 2 ** 31,
        startMs: Date.now() - PAST_MS,
        live: true,
      },
      { signal: abort.signal, log: logger, onReady: resolve },
    );
    running.catch(reject);
  });
  const stateDir = join(app.environment.dataDir, 'sources', 'demo');
  await rm(stateDir, { recursive: true, force: true });
  await mkdir(stateDir, { recursive: true });
  const options = pollOptionsSchema.parse({ url, name: 'demo', every_seconds: 1, limit: 10_000 });
  const source = createPollSource(options, {
    ingest: app.ingest,
    stateDir,
    log: logger,
    now: Date.now,
    random: Math.random,
  });
  logger.info({ url }, 'demo: a simulated shop serves its log here');
  return {
    source,
    async stop() {
      await source.stop();
      abort.abort();
      await running.catch(() => {});
    },
  };
}
