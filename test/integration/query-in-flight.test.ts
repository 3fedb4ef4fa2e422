/** An answer says how many of the lines received are not counted yet. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openPipeline } from '../../src/index.ts';
import { cli, startProduct, temporaryDir } from '../support/product.ts';

/** Lines are gathered for longer than the test takes, once somebody looks. */
const batch = { archive_every_ms: 60_000, metrics_every_ms: 60_000 };
const event = (n: number) =>
  JSON.stringify({ timestamp: '2025-11-23T10:00:00Z', event_type: 'view_page', user_id: `u${n}` });

test('query says on stderr, and in JSON, how many lines may be missing', async () => {
  const dataDir = temporaryDir();
  const product = await startProduct({ dataDir, config: { batch } });
  try {
    const query = (...more: string[]) => cli(['query', 'traffic', '--data', dataDir, ...more]);
    const empty = await query();
    assert.equal(empty.stderr, '');
    await product.send(`${event(1)}\n${event(2)}\n`);
    const asked = await query();
    assert.match(
      asked.stderr,
      /^2 lines were received but not counted yet, so the rows may not include them/,
    );
    const json = JSON.parse((await query('--json')).stdout) as { in_flight: number };
    assert.equal(json.in_flight, 2);
    const { json: answer } = await product.request<{ in_flight: number }>(
      'GET',
      '/v1/metrics/traffic?window=1d',
    );
    assert.equal(answer.in_flight, 2);
    await product.request('POST', '/v1/admin/settle');
    assert.equal((await query()).stderr, '');
  } finally {
    await product.stop();
  }
});

test('the library says how many records may be missing', async () => {
  await using pipeline = await openPipeline({ data: temporaryDir(), config: { batch } });
  const inFlight = async () => (await pipeline.query('traffic', { window: '1d' })).inFlight;
  assert.equal(await inFlight(), 0);
  await pipeline.ingest(event(1));
  assert.equal(await inFlight(), 1);
  await pipeline.flush();
  assert.equal(await inFlight(), 0);
});
