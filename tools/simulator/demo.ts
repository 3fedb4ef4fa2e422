import type { SimulatorOptions } from './run.ts';
import { dailyFactor } from './shop.ts';
import { CLEAN_RATES, stream } from './stream.ts';

/** Events per second of the demo shop today. A night has half as many, so something happens every few seconds. */
const RATE = 0.25;
/** What it had at the beginning of its history, as a share of today. */
const FIRST_SHARE = 0.25;
const SHOP = {
  products: 240,
  users: 6000,
  bots: 0.01,
  incidentEveryHours: 60,
  namedProducts: true,
  productSkew: 0.6,
};

/** The demo's shop: a seed, and the history over which it has grown. */
export interface DemoShop {
  seed: number;
  fromMs: number;
  untilMs: number;
}

/** A shop that grows, with weaker weekends and quiet nights. */
function busyOf({ fromMs, untilMs }: DemoShop): (timeMs: number) => number {
  return (timeMs) => {
    const grown = Math.min(1, Math.max(0, (timeMs - fromMs) / (untilMs - fromMs)));
    const weekday = new Date(timeMs).getUTCDay();
    const week = weekday === 0 || weekday === 6 ? 0.88 : 1.03;
    return FIRST_SHARE ** (1 - grown) * week * (0.65 + 0.35 * dailyFactor(timeMs));
  };
}

export interface DemoPast {
  fromMs: number;
  untilMs: number;
  /** Which part of it: received at or after this time, and before the other. */
  partFromMs: number;
  partUntilMs: number;
  /** So many lines of the part are left out. */
  skip: number;
}

/** A part of what the shop did from one time to another, as NDJSON in pieces of about so many bytes, and how many lines were left out. */
export function* demoPast(
  shop: DemoShop,
  past: DemoPast,
  bytes: number,
): Generator<{ body: string; skipped: number }, void, undefined> {
  const all = stream({
    ...SHOP,
    seed: shop.seed,
    startMs: past.fromMs,
    endMs: past.untilMs,
    eventsPerSecond: RATE,
    busy: busyOf(shop),
    rates: { ...CLEAN_RATES, refund: 0.04 },
  });
  let [body, skipped] = ['', 0];
  for (const { line, receivedAtMs } of all) {
    if (receivedAtMs < past.partFromMs || receivedAtMs >= past.partUntilMs) continue;
    if (skipped < past.skip) {
      skipped++;
      continue;
    }
    body += `${line}\n`;
    if (body.length < bytes) continue;
    yield { body, skipped };
    body = '';
  }
  yield { body, skipped };
}

/** The shop's log API on a free port of this machine, from now on. */
export function demoLive(shop: DemoShop, nowMs: number): SimulatorOptions {
  return {
    mode: 'serve',
    host: '127.0.0.1',
    port: 0,
    rate: RATE,
    seed: shop.seed,
    startMs: nowMs,
    live: true,
    // Lateness of days would be the first thing that the quality panel shows.
    rates: { late: 0, veryLate: 0 },
    shop: { ...SHOP, busy: busyOf(shop), steady: true },
  };
}
