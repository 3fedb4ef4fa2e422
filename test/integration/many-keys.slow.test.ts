/** What a sender can do with 100,000 event types to those who ask: an answer and a stream of limited size. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { EVENT_TYPE_KEY } from '../../src/metrics/keys.ts';
import type { MetricRow } from '../../src/metrics/metrics-store.ts';
import { testNow } from '../support/clock.ts';
import { EventStream } from '../support/event-stream.ts';
import { type Product, startProduct, temporaryDir, until } from '../support/product.ts';

const sum = (rows: readonly Record<string, unknown>[], name: string) =>
  rows.reduce((total, row) => total + Number(row[name]), 0);

describe('100,000 event types', () => {
  let product: Product;
  before(async () => {
    product = await startProduct({ dataDir: temporaryDir() });
  });
  after(() => product?.stop());

  test('give an answer and a stream of limited size', async () => {
    const stream = await EventStream.open(`${product.url}/v1/stream?metrics=traffic&windows=1d`);
    const at = testNow() - 1000;
    const types = Array.from(
      { length: 100_000 },
      (_, n) => `{"timestamp":${at},"event_type":"t${n}","device_type":"mobile"}`,
    );
    await product.send(types.join('\n'));
    await product.settled();
    for (const metric of ['traffic', 'responses']) {
      const { json, text } = await product.request<{
        rows: MetricRow[];
        total: MetricRow[];
        folded: Record<string, number>;
      }>('GET', `/v1/metrics/${metric}?window=1d&total=true`);
      assert.ok(text.length < 200_000, `${metric}: ${text.length} bytes`);
      assert.equal(sum(json.rows, 'events'), 100_000);
      assert.equal(sum(json.total, 'events'), 100_000);
      assert.deepEqual(json.folded, { event_type: 100_000 - EVENT_TYPE_KEY.max! });
    }
    const sent = () => stream.points('traffic');
    await until(() => sent().length > 0, 'points of the stream');
    for (const { event, data } of stream.events)
      if (event === 'points') assert.ok((data.points as unknown[]).length <= EVENT_TYPE_KEY.max! + 1);
    stream.close();
  });
});
