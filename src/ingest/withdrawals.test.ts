import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findingsOf, INPUTS, purchases, type Record_ } from './fake-findings.ts';
import { FindingTally } from './finding-tally.ts';
import { OrderReports } from './order-reports.ts';
import { Withdrawals } from './withdrawals.ts';

const at = (hour: number) => `2026-11-01T${String(hour).padStart(2, '0')}:00:00Z`;
/** Sales around those of a test, by which a file shows which rows are the newest. */
const OTHERS = [1, 2, 22, 23].map((hour) => ({
  order_id: `x${hour}`,
  amount: String(hour),
  timestamp: at(hour),
}));
const CODES = ['order_cancelled', 'cancelled_purchase', 'partly_refunded', 'order_currencies'];

/** Orders that are reported as withdrawn: rows in the order of their times, and from the last to the first. */
function reported(...rows: readonly Record_[]): number[] {
  const file = purchases(...[...OTHERS.slice(0, 2), ...rows, ...OTHERS.slice(2)]);
  return [file, file.toReversed()].map((records) =>
    findingsOf(records, {}, INPUTS.records!)
      .filter(({ code }) => CODES.includes(code))
      .reduce((sum, finding) => sum + finding.rows, 0),
  );
}

test('what became of an order is reported the same, whether the newest row of the file is the last or the first', () => {
  const paid = { order_id: 'o1', status: 'paid', timestamp: at(10) };
  const cancelled = { ...paid, status: 'cancelled' };
  const event = { event_type: 'cancel', order_id: 'o1', amount: null };
  assert.deepEqual(reported(paid, { ...cancelled, timestamp: at(11) }), [1, 1]);
  assert.deepEqual(reported(paid, cancelled), [1, 1], 'all rows of an order have its time');
  assert.deepEqual(reported(paid, { ...event, timestamp: at(11) }), [1, 1]);
  assert.deepEqual(reported(paid, { ...event, timestamp: at(10) }), [1, 1]);
  assert.deepEqual(reported(paid, { ...cancelled, status: 'partially refunded', timestamp: at(11) }), [1, 1]);
  const usd = { event_type: 'refund', order_id: 'o1', currency: 'USD', timestamp: at(11) };
  assert.deepEqual(reported(paid, usd), [1, 1]);
});

test('an order that was sold after all is not reported, whether the newest row is the last or the first', () => {
  const paid = { order_id: 'o1', status: 'paid', timestamp: at(11) };
  assert.deepEqual(reported({ ...paid, status: 'cancelled', timestamp: at(10) }, paid), [0, 0]);
  assert.deepEqual(reported({ ...paid, status: 'cancelled' }, paid), [0, 0]);
  assert.deepEqual(reported({ ...paid, status: 'failed', timestamp: at(10) }, paid), [0, 0]);
  assert.deepEqual(
    reported({ event_type: 'cancel', order_id: 'o1', amount: null, timestamp: at(10) }, paid),
    [0, 0],
  );
  const cancelled = { ...paid, status: 'cancelled', timestamp: at(12) };
  const refund = { event_type: 'refund', order_id: 'o1', timestamp: at(13) };
  assert.deepEqual(reported(paid, cancelled, refund), [0, 0]);
  assert.deepEqual(reported(paid, { ...cancelled }, { ...paid, timestamp: at(14) }), [0, 0]);
});

test('an order that was cancelled again after it was paid is reported', () => {
  const paid = { order_id: 'o1', status: 'paid', timestamp: at(11) };
  const cancelled = (hour: number) => ({ ...paid, status: 'cancelled', timestamp: at(hour) });
  assert.deepEqual(reported(cancelled(10), paid, cancelled(12)), [1, 1]);
});

test('a cancellation with the date alone is reported, though its midnight is before the sale', () => {
  const paid = { order_id: 'o1', status: 'paid', timestamp: at(10) };
  const file = purchases(paid, { ...paid, status: 'cancelled', timestamp: '2026-11-01' });
  const found = findingsOf(file, {}, INPUTS.records!).map(({ code }) => code);
  assert.ok(found.includes('order_cancelled'), String(found));
});

/** Orders that `sale` makes doubtful after `cancel`, both of which have the same memory of orders. */
function afterCancel(cancelled: (orders: OrderReports, same: Withdrawals) => void): number {
  const orders = new OrderReports();
  const withdrawals = new Withdrawals(orders);
  cancelled(orders, withdrawals);
  withdrawals.takePurchase('o1', 1, null, false);
  const tally = new FindingTally();
  withdrawals.report(tally);
  return tally.list().reduce((sum, { rows }) => sum + rows, 0);
}

test('a cancellation without a time holds for the sale of another input, or of a later load', () => {
  assert.equal(
    afterCancel((orders) => new Withdrawals(orders).takeOrder('o1')),
    1,
  );
  assert.equal(
    afterCancel((orders) => orders.cancel('o1', null)),
    1,
  );
  assert.equal(
    afterCancel((_, same) => same.takeOrder('o1')),
    0,
    'in one input the sale may be newer',
  );
});
