/** Equal lines of an order with different event_ids: one line, or with `order_lines: distinct` several, whatever is sent again. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { testNow } from '../support/clock.ts';
import { startProduct, temporaryDir } from '../support/product.ts';

const dir = temporaryDir();
const fields =
  'fields: {timestamp: at, event_type: {value: purchase}, order_id: order, product_id: sku, amount: sum}';
writeFileSync(join(dir, 'equal.yaml'), `${fields}\ncurrency: EUR\n`);
writeFileSync(join(dir, 'distinct.yaml'), `${fields}\ncurrency: EUR\norder_lines: distinct\n`);

const line = (order: string, id: string) =>
  JSON.stringify({ at: new Date(testNow()).toISOString(), order, sku: 'p1', sum: '5.00', event_id: id });

for (const [map, units] of [
  ['equal', 1],
  ['distinct', 3],
] as const)
  test(`order_lines: ${map}`, async () => {
    const product = await startProduct({
      dataDir: temporaryDir(),
      config: {
        batch: { archive_every_ms: 200 },
        mappings: { [map]: join(dir, `${map}.yaml`) },
      },
    });
    try {
      const send = (lines: string[]) =>
        product.request<{ accepted: number; findings: { code: string }[] }>('POST', `/v1/events?map=${map}`, {
          body: lines.join('\n'),
        });
      // Together, apart, and all once more.
      const first = await send([line('o1', 'e1'), line('o1', 'e2')]);
      await send([line('o1', 'e3')]);
      for (let again = 0; again < 2; again++) await send(['e1', 'e2', 'e3'].map((id) => line('o1', id)));
      const found = first.json.findings.map(({ code }) => code);
      assert.deepEqual(found, map === 'equal' ? ['equal_lines'] : []);
      const { metrics } = await product.settled();
      assert.deepEqual([metrics.counted, metrics.duplicate], [units, 9 - units]);
      const { json } = await product.request<{ total: { orders: number; revenue: string }[] }>(
        'GET',
        '/v1/metrics/revenue?window=1d&from=2020-01-01&to=2030-01-01&total=true',
      );
      assert.deepEqual([json.total[0]!.orders, json.total[0]!.revenue], [1, `${5 * units}.0000`]);
    } finally {
      await product.stop();
    }
  });
