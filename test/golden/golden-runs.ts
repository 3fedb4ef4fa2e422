/**
 * Golden runs: each *.ndjson holds lines with their time of receipt, and *.rows.json the rows of all metrics that they must
 * give, however they get there. Each row is checked by a second, naive computation too, so that a wrong file can't pass.
 * After a change of the catalogue: TILLSTREAM_GOLDEN=write node --test test/golden/golden.test.ts, biome check --write, and read
 * the difference.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { EVENT_TYPE_ALIASES } from '../../src/event/fields.ts';
import { localDayStartMs } from '../../src/event/time-zone.ts';
import { parseMoney } from '../../src/event/values.ts';
import { assertRows, canonicalJson } from '../support/compare-rows.ts';
import { ENGINE_NAMES } from '../support/engines.ts';
import type { AllRows, Delivery } from '../support/metrics-harness.ts';
import { type ReferenceLine, referenceRows } from '../support/reference-metrics.ts';
import { testSeed } from '../support/seed.ts';
import { isThorough } from '../support/thorough.ts';
import { rowsAfter, WAYS } from './ways.ts';

/** Input files and the shop's time zone. */
export const GOLDEN: Record<string, string> = {
  'summer-time-begins': 'Europe/Berlin',
  'summer-time-ends': 'Europe/Berlin',
  'late-events': 'UTC',
  duplicates: 'UTC',
  'shop-day': 'America/St_Johns',
  'bad-rows': 'Asia/Kathmandu',
  orders: 'Europe/Berlin',
};

/** A line of an input file: an event, or any text; `bad` is the reason why it is a bad row. */
export interface GoldenLine {
  note?: string;
  at: string;
  bad?: string;
  /** Default: http. */
  source?: string;
  /** A field of the event can't be read; the event counts. */
  invalid?: true;
  event?: Record<string, unknown>;
  text?: string;
}

/** Inputs in which much depends on the order of lines. */
export const ORDERED = ['duplicates', 'late-events'];

/** Partitions of the log: `in turn` is 1 for every other pair of an input and a way, and 4 for the rest; with --all both for each. */
type Partitions = 1 | 4 | 'in turn';

/** Every engine takes the golden inputs along these ways; whatever the partitions of the log, the rows are the same. */
export function goldenRuns(ways: Readonly<Record<string, Partitions>>, names = Object.keys(GOLDEN)): void {
  for (const engine of ENGINE_NAMES) {
    for (const name of names) {
      const timeZone = GOLDEN[name]!;
      describe(`golden run ${name}, ${engine}`, () => {
        const lines = readGolden(name);
        const deliveries = deliveriesOf(lines);
        const reference = referenceRows(
          lines.map((line) => judged(line, timeZone)),
          timeZone,
        );
        const rowsFile = join(import.meta.dirname, `${name}.rows.json`);
        for (const [way, of] of Object.entries(ways)) {
          for (const partitions of of === 'in turn' ? inTurn(name, way) : [of]) {
            it(`${way}, partitions: ${partitions}`, async (t) => {
              const rows = await rowsAfter(way, { engine, timeZone, deliveries, partitions }, testSeed(t));
              assertRows(rows, reference);
              const text = canonicalJson(rows);
              if (process.env.TILLSTREAM_GOLDEN === 'write' && way === WRITTEN_BY)
                writeFileSync(rowsFile, text);
              assert.equal(text, canonicalJson(JSON.parse(readFileSync(rowsFile, 'utf8')) as AllRows));
            });
          }
        }
      });
    }
  }
}

/** The way that writes the files with the rows. */
const WRITTEN_BY = 'straight through';

function inTurn(name: string, way: string): (1 | 4)[] {
  if (isThorough) return [1, 4];
  const turn = Object.keys(GOLDEN).indexOf(name) + Object.keys(WAYS).indexOf(way);
  return [turn % 2 === 0 ? 1 : 4];
}

export function readGolden(name: string): GoldenLine[] {
  return readFileSync(join(import.meta.dirname, `${name}.ndjson`), 'utf8')
    .trimEnd()
    .split('\n')
    .map((text) => JSON.parse(text) as GoldenLine);
}

/** Lines of a source with the same time of receipt came together. */
export function deliveriesOf(lines: readonly GoldenLine[]): Delivery[] {
  return [...Map.groupBy(lines, ({ at, source }) => `${at} ${source ?? 'http'}`).values()].map((group) => ({
    atMs: Date.parse(group[0]!.at),
    source: group[0]!.source ?? 'http',
    lines: group.map(({ event, text }) => text ?? JSON.stringify(event)),
  }));
}

function judged(line: GoldenLine, timeZone: string): ReferenceLine {
  const receivedAtMs = Date.parse(line.at);
  if (line.bad !== undefined) return { receivedAtMs, reason: line.bad };
  const event = line.event!;
  const text = (name: string) =>
    event[name] === null || event[name] === undefined || event[name] === '' ? null : String(event[name]);
  const number = (name: string) =>
    text(name) === null || Number.isNaN(Number(text(name))) ? null : Number(text(name));
  const money = (name: string) => (text(name) === null ? null : (parseMoney(text(name)!) as bigint));
  const type = text('event_type')!;
  return {
    receivedAtMs,
    source: line.source ?? 'http',
    isHistory: line.source === 'load' || line.source === 'demo-history',
    event: {
      timeMs: timeOf(event.timestamp as string | number, timeZone),
      eventType: EVENT_TYPE_ALIASES[type] ?? type,
      eventId: text('event_id'),
      orderId: text('order_id'),
      userId: text('user_id'),
      visitorId: text('visitor_id'),
      sessionId: text('session_id'),
      productId: text('product_id'),
      productName: text('product_name'),
      lineId: text('line_id'),
      quantity: number('quantity'),
      price: money('price'),
      amount: money('amount'),
      currency: text('currency'),
      deviceType: text('device_type'),
      responseTimeMs: number('response_time'),
      statusCode: number('status_code'),
      items: ((event.items ?? []) as Record<string, string>[]).map((item) => ({
        productId: item.product_id ?? null,
        quantity: item.quantity === undefined ? null : Number(item.quantity),
        price: item.price === undefined ? null : (parseMoney(item.price) as bigint),
      })),
      isExcluded: event.test === true || event.bot === true,
      hasInvalidField: line.invalid === true,
    },
  };
}

function timeOf(timestamp: string | number, timeZone: string): number {
  if (typeof timestamp === 'number') return timestamp < 1e11 ? timestamp * 1000 : timestamp;
  const date = /^(\d\d)\/(\d\d)\/(\d{4})$/.exec(timestamp);
  return date
    ? localDayStartMs(timeZone, Number(date[3]), Number(date[1]), Number(date[2]))
    : Date.parse(timestamp);
}
