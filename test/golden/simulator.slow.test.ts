/** A golden run whose input is too large to keep: 5,000 simulated lines, whose rows the naive computation gives. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { stream } from '../../tools/simulator/index.ts';
import { assertRows, canonicalJson } from '../support/compare-rows.ts';
import { ENGINE_NAMES } from '../support/engines.ts';
import type { AllRows } from '../support/metrics-harness.ts';
import { referenceRows } from '../support/reference-metrics.ts';
import { testSeed } from '../support/seed.ts';
import { deliveriesOf, referenceOf } from '../support/simulated.ts';
import { rowsAfter } from './ways.ts';

const TIME_ZONE = 'America/New_York';
const COUNT = 5_000;
const DELIVERY_LINES = 50;
const RATES = {
  late: 0.02,
  veryLate: 0.002,
  duplicate: 0.02,
  malformed: 0.01,
  refund: 0.2,
  segmentNames: 0.2,
};
/** The end of summer time lies in it. */
const START_MS = Date.UTC(2026, 9, 30, 12);
/** The ways that are worth their time with so many lines. Random steps are also in those that stop or crash between them. */
const SIMULATED_WAYS = [
  'in batches of 1000',
  'straight through',
  'stopped and started again',
  'crashed and started again',
  'state lost and filled from the archive',
  'in another order',
];

for (const engine of ENGINE_NAMES) {
  describe(`golden run of ${COUNT} simulated lines, ${engine}`, () => {
    const lines = [
      ...stream({ seed: 20261030, startMs: START_MS, eventsPerSecond: 0.025, count: COUNT, rates: RATES }),
    ];
    const deliveries = deliveriesOf(lines, DELIVERY_LINES);
    let reference: AllRows;
    let first: string | undefined;
    before(() => {
      reference = referenceRows(referenceOf(lines, DELIVERY_LINES), TIME_ZONE);
    });
    for (const way of SIMULATED_WAYS) {
      it(way, async (t) => {
        const rows = await rowsAfter(way, { engine, timeZone: TIME_ZONE, deliveries }, testSeed(t));
        assertRows(rows, reference);
        first ??= canonicalJson(rows);
        assert.ok(canonicalJson(rows) === first, 'the same to the last digit');
      });
    }
  });
}
