import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  ADAPTERS,
  type App,
  type DemoMark,
  demoLive,
  demoPast,
  runSimulator,
  writeDemoMark,
} from '../app/app.ts';
import { AppendError } from '../log/event-log.ts';
import type { Source } from '../sources/source.ts';
import { now } from '../system/clock.ts';
import type { Logger } from '../telemetry/logger.ts';

/** Lines of the past are told apart from those of the live shop: they are never late. */
const HISTORY = 'demo-history';
const HISTORY_MS_MAX = 30 * 86_400_000;
/** A time without the shop that is longer than this is filled in. */
const GAP_MS_MIN = 60_000;
/** What the page opens on, and what it compares that with. */
const RECENT_MS = 48 * 3_600_000;
const MEASURED_MS_MAX = 8000;
const BODY_BYTES = 4 * 1024 * 1024;

/**
 * The demo: a simulated shop with a log API on a free port, and a poller on it, as the old pipeline had. What the shop did
 * before, and while it was stopped, is written as history, in bulk.
 */
export async function startDemo(
  app: App,
  mark: DemoMark,
  logger: Logger,
): Promise<{ source: Source; stop(): Promise<void> }> {
  const { seed } = mark;
  const shop = { seed, fromMs: Date.parse(mark.from), untilMs: Date.parse(mark.until) };
  const abort = new AbortController();
  const { rest } = await fillPast(app, mark, shop, abort.signal);
  const filled = rest.catch((error) => logger.error({ err: error }, 'demo: its past could not be written'));
  let running: Promise<unknown> = Promise.resolve();
  const url = await new Promise<string>((resolve, reject) => {
    running = runSimulator(demoLive(shop, now()), {
      signal: abort.signal,
      log: logger,
      now,
      onReady: resolve,
    });
    running.catch(reject);
  });
  // The shop forgets everything when it stops, so the poller begins again with each start.
  const stateDir = join(app.runtime.dataDir, 'sources', 'demo');
  await rm(stateDir, { recursive: true, force: true });
  await mkdir(stateDir, { recursive: true });
  const poll = ADAPTERS.sources.poll!;
  const options = poll.schema.parse({ url, name: 'demo', every_seconds: 1, limit: 10_000 });
  const source = await poll.create(options, {
    ingest: app.ingest,
    stateDir,
    log: logger,
    now,
    random: Math.random,
  });
  logger.info({ url }, 'demo: a simulated shop serves its log here');
  return {
    source,
    async stop() {
      await source.stop();
      abort.abort();
      // It was ended by us.
      await Promise.all([running.catch(() => {}), filled]);
    },
  };
}

type DemoShop = Parameters<typeof demoPast>[0];

/**
 * Writes what the shop did until now and the folder does not have yet. Resolves when the last two days are in the metrics, so
 * that the first look at the page shows a shop; the rest of its past goes on, and `rest` is when it is done.
 */
async function fillPast(
  app: App,
  mark: DemoMark,
  shop: DemoShop,
  signal: AbortSignal,
): Promise<{ rest: Promise<void> }> {
  const nowMs = now();
  if (mark.filled_until === null) {
    const { fromMs, untilMs } = shop;
    const recentMs = untilMs - RECENT_MS;
    const whole = { fromMs, untilMs };
    // The same seed gives the same lines: after a stop in the middle it goes on behind those that are there.
    let skip = app.backend.ledger().by_source[HISTORY]?.received ?? 0;
    skip -= await fill(app, shop, { ...whole, partFromMs: recentMs, partUntilMs: untilMs, skip }, signal);
    await measured(app);
    const rest = async () => {
      await fill(app, shop, { ...whole, partFromMs: fromMs, partUntilMs: recentMs, skip }, signal);
      if (!signal.aborted) await fillGap(app, mark, shop, untilMs, nowMs, signal);
    };
    return { rest: rest() };
  }
  const lastReceived = app.backend.status().freshness.log;
  const filledMs = Math.max(Date.parse(mark.filled_until), lastReceived ? Date.parse(lastReceived) : 0);
  return { rest: fillGap(app, mark, shop, Math.max(filledMs, nowMs - HISTORY_MS_MAX), nowMs, signal) };
}

/** What the shop did while it was stopped. */
async function fillGap(
  app: App,
  mark: DemoMark,
  shop: DemoShop,
  fromMs: number,
  untilMs: number,
  signal: AbortSignal,
): Promise<void> {
  const part = { fromMs, untilMs, partFromMs: fromMs, partUntilMs: untilMs, skip: 0 };
  if (untilMs - fromMs >= GAP_MS_MIN) await fill(app, shop, part, signal);
  if (signal.aborted) return;
  await writeDemoMark(app.runtime.dataDir, { ...mark, filled_until: new Date(untilMs).toISOString() });
}

/** Stores a part of the past; gives how many of its lines were left out as asked. */
async function fill(
  app: App,
  shop: DemoShop,
  past: Parameters<typeof demoPast>[1],
  signal: AbortSignal,
): Promise<number> {
  let skipped = 0;
  for (const piece of demoPast(shop, past, BODY_BYTES)) {
    skipped = piece.skipped;
    if (signal.aborted) break;
    if (piece.body !== '') await store(app, piece.body);
  }
  return skipped;
}

/** Waits until the lines stored so far are in the metrics, for a few seconds at most. */
async function measured(app: App): Promise<void> {
  const deadline = performance.now() + MEASURED_MS_MAX;
  while (performance.now() < deadline && app.backend.ledger().metrics.in_flight > 0)
    await new Promise((resolve) => setTimeout(resolve, 50));
}

async function store(app: App, body: string): Promise<void> {
  for (;;) {
    try {
      await app.ingest({ source: HISTORY, body: Buffer.from(body) });
      return;
    } catch (error) {
      if (!(error instanceof AppendError) || error.code !== 'log_busy') throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}
