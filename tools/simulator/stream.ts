import type { Reason } from '../../src/event/reasons.ts';
import type { ShopEvent } from './event.ts';
import { MALFORMED_KINDS, tooLongLine } from './malformed.ts';
import { Random } from './random.ts';
import { type RenderShares, renderEvent } from './render.ts';
import type { Purchase } from './session.ts';
import { Shop, type ShopOptions } from './shop.ts';

/** Shares of all lines, each between 0 and 1. */
export interface Rates extends RenderShares {
  /** Minutes to three days late. */
  late: number;
  /** One to six months late. */
  veryLate: number;
  /** Sent again: the same line, seconds to six hours later. */
  duplicate: number;
  /** Some seconds older than the line before. */
  outOfOrder: number;
  malformed: number;
  /** Longer than `lineBytesMax`. */
  tooLong: number;
  withoutEventId: number;
  /** Share of orders that are refunded, minutes to days later. */
  refund: number;
}

export const DEFAULT_RATES: Readonly<Rates> = {
  late: 0.01,
  veryLate: 0.0005,
  duplicate: 0.005,
  outOfOrder: 0.03,
  malformed: 0.003,
  tooLong: 0,
  withoutEventId: 0.01,
  refund: 0.04,
  extraFields: 0.05,
  segmentNames: 0.03,
  epochMs: 0.03,
  epochSeconds: 0.01,
  zoneOffset: 0.03,
};

/** No trouble at all and one spelling: for tests that want plain lines. */
export const CLEAN_RATES: Readonly<Rates> = Object.freeze(
  Object.fromEntries(Object.keys(DEFAULT_RATES).map((key) => [key, 0])) as unknown as Rates,
);

export interface StreamOptions extends ShopOptions {
  /** Lines in total; without it and `endMs` the stream never ends. */
  count?: number;
  /** Received-at of the last line is before this. */
  endMs?: number;
  rates?: Partial<Rates>;
  lineBytesMax?: number;
}

/** One line with the truth about it. */
export interface SimulatedLine {
  /** Without line end. A Buffer where it is not UTF-8. */
  line: string | Buffer;
  receivedAtMs: number;
  kind: 'event' | 'duplicate' | 'bad';
  /** Why it is a bad row. */
  reason: Reason | null;
  /** What the line says, unless it is bad. */
  event: ShopEvent | null;
}

interface Planned {
  dueMs: number;
  again?: SimulatedLine;
  refund?: Purchase;
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/**
 * The shop's lines in the order of receipt. The same options give the same lines, byte for byte; times come from
 * `startMs` only. It is lazy, so a live simulator takes lines as their time comes.
 */
export function* stream(options: StreamOptions): Generator<SimulatedLine, void, undefined> {
  const rates: Rates = { ...DEFAULT_RATES, ...options.rates };
  const shop = new Shop(options);
  const random = new Random(options.seed, 3);
  const planned = new PlannedQueue();
  const count = options.count ?? Number.POSITIVE_INFINITY;
  const endMs = options.endMs ?? Number.POSITIVE_INFINITY;
  // A purchase's refund and a line's second copy wait here until the clock has passed their time.
  for (let lines = 0; lines < count; lines++) {
    const nowMs = Math.floor(shop.advance());
    if (nowMs >= endMs) return;
    const due = planned.takeDue(nowMs);
    if (due?.again !== undefined) {
      yield { ...due.again, kind: 'duplicate', receivedAtMs: nowMs };
      continue;
    }
    const event = due?.refund === undefined ? shop.nextEvent() : shop.refund(due.refund);
    event.timeMs = nowMs - lagMs(random, rates);
    if (random.chance(rates.withoutEventId)) event.eventId = null;
    const line = renderEvent(event, random, rates);
    if (random.chance(rates.malformed)) {
      const kind = random.pick(MALFORMED_KINDS);
      yield {
        line: kind.make(line, random),
        receivedAtMs: nowMs,
        kind: 'bad',
        reason: kind.reason,
        event: null,
      };
      continue;
    }
    if (rates.tooLong > 0 && random.chance(rates.tooLong)) {
      const long = tooLongLine(line, options.lineBytesMax ?? 1024 * 1024);
      yield { line: long, receivedAtMs: nowMs, kind: 'bad', reason: 'line_too_long', event: null };
      continue;
    }
    const result: SimulatedLine = { line, receivedAtMs: nowMs, kind: 'event', reason: null, event };
    if (event.eventId !== null && random.chance(rates.duplicate)) {
      planned.add({ dueMs: nowMs + resendDelayMs(random), again: result });
    }
    if (event.eventType === 'purchase' && random.chance(rates.refund)) {
      planned.add({ dueMs: nowMs + random.exponential(2 * 3_600_000), refund: event as Purchase });
    }
    yield result;
  }
}

/** Milliseconds from the event to its receipt. */
function lagMs(random: Random, rates: Rates): number {
  let draw = random.next();
  if (draw < rates.veryLate) return random.integer(30 * DAY_MS, 180 * DAY_MS);
  draw -= rates.veryLate;
  // Even on a logarithmic scale: as many by minutes as by hours or by days.
  if (draw < rates.late) return Math.floor(2 * MINUTE_MS * (3 * 720) ** random.next());
  draw -= rates.late;
  if (draw < rates.outOfOrder) return random.integer(1000, 20_000);
  return random.integer(10, 250);
}

function resendDelayMs(random: Random): number {
  const draw = random.next();
  if (draw < 0.6) return random.integer(1, 5000);
  if (draw < 0.9) return random.integer(5000, 20 * MINUTE_MS);
  return random.integer(20 * MINUTE_MS, 6 * 60 * MINUTE_MS);
}

/** A binary heap by due time. */
class PlannedQueue {
  private readonly heap: Planned[] = [];

  add(item: Planned): void {
    const { heap } = this;
    let at = heap.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.dueMs <= item.dueMs) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = item;
  }

  takeDue(nowMs: number): Planned | undefined {
    const { heap } = this;
    const top = heap[0];
    if (top === undefined || top.dueMs > nowMs) return undefined;
    const last = heap.pop() as Planned;
    if (heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.dueMs < heap[child]!.dueMs) child++;
      if (heap[child]!.dueMs >= last.dueMs) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return top;
  }
}
