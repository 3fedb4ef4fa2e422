/** Every metric with every option: an answer or a refusal in words, never a failure inside. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { withinRows } from '../../src/api/row-limit.ts';
import type { Status } from '../../src/telemetry/status.ts';
import { testNow } from '../support/clock.ts';
import { type Product, startProduct, temporaryDir } from '../support/product.ts';

let product: Product;
before(async () => {
  product = await startProduct({ dataDir: temporaryDir() });
  const at = testNow() - 60_000;
  const lines = ['view_product', 'add_to_cart', 'purchase', 'refund', 'search'].flatMap((event_type, n) =>
    ['p1', 'p2', 'p3'].map((product_id) =>
      JSON.stringify({
        timestamp: at,
        event_type,
        product_id,
        user_id: `u${n}`,
        session_id: `s${n}`,
        device_type: 'mobile',
        response_time: 12,
        status_code: 200,
        ...(event_type === 'purchase' || event_type === 'refund' ? { amount: 5, currency: 'EUR' } : {}),
      }),
    ),
  );
  await product.send(['bad', ...lines].join('\n'));
  await product.settled();
});
after(() => product?.stop());

test('all metrics, windows, totals and numbers of best keys', async () => {
  const { metrics } = (await product.request<Status>('GET', '/v1/status')).json;
  for (const { name, windows } of metrics) {
    for (const window of windows) {
      for (const options of ['', '&total=true', '&total=true&top=1', '&total=true&top=5']) {
        const path = `/v1/metrics/${name}?window=${window}${options}`;
        const { status, json, text } = await product.request<{ rows: unknown[]; total?: unknown[] }>(
          'GET',
          path,
        );
        assert.equal(status, 200, `${path}: ${text}`);
        assert.ok(json.rows.length > 0, path);
        if (options.includes('total')) assert.ok(json.total!.length > 0, path);
      }
      assert.equal((await product.request('GET', `/v1/metrics/${name}?window=${window}&top=3`)).status, 400);
    }
  }
});

test('an answer of too many rows is refused, and says what to ask for', () => {
  const rows = (count: number) => Array.from({ length: count }, () => ({ start: '2026-11-28T00:00:00Z' }));
  assert.equal(withinRows({ version: 1, rows: rows(10) }, 10).rows.length, 10);
  const refused = /more than 10 rows\. Ask for a shorter range or a larger window/;
  assert.throws(() => withinRows({ version: 1, rows: rows(11) }, 10), refused);
  assert.throws(() => withinRows({ version: 1, rows: [], total: rows(11) }, 10), refused);
});
