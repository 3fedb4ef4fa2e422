/** A disk that is full: nothing that was acknowledged is lost, the rest is refused, and freeing space is all it needs. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertError } from '../support/answers.ts';
import { testNow } from '../support/clock.ts';
import { cli, type Product, startProduct, until } from '../support/product.ts';
import { readArchive } from '../support/read-archive.ts';
import { smallDisk } from '../support/small-disk.ts';
import { compareWithRebuild } from './kill-support.ts';

const MIB = 1024 * 1024;
class Client {
  readonly #product: Product;
  sent = 0;
  acknowledged = 0;

  constructor(product: Product) {
    this.#product = product;
  }

  /** Sends lines until they are refused, with a clear answer, or `requests` were taken. */
  async send(requests: number, lines = 500): Promise<boolean> {
    for (let request = 0; request < requests; request++) {
      const body = Array.from(
        { length: lines },
        () => `{"timestamp":${testNow()},"event_type":"search","event_id":"f${this.sent++}"}`,
      );
      const answer = await this.#product.send(body.join('\n'));
      if (answer.status !== 200) {
        assertError(answer, 503, 'log_full');
        assert.ok(Number(answer.headers.get('retry-after')) > 0);
        return false;
      }
      this.acknowledged += lines;
    }
    return true;
  }
}

async function runFull(t: TestContext, leaveBytes: number): Promise<void> {
  const disk = smallDisk(96);
  t.diagnostic(`the disk: ${disk.kind}`);
  const config = {
    log: { disk_reserve_bytes: 8 * MIB },
    batch: { archive_every_ms: 1500, metrics_every_ms: 1000 },
  };
  const dataDir = join(disk.dir, 'data');
  let product: Product | undefined;
  t.after(async () => {
    await product?.kill();
    disk.remove();
  });
  product = await startProduct({ dataDir, config, env: disk.env });
  let client = new Client(product);
  assert.ok(await client.send(20));
  await product.settled();
  // These are acknowledged, and neither archived nor measured when the space is gone.
  assert.ok(await client.send(20));
  disk.fill(product.pid, leaveBytes);
  await until(async () => !(await client.send(1)), 'lines are refused');
  await sleep(4000);
  assert.ok(!(await client.send(1)), 'still refused');
  assert.equal((await product.request('GET', '/healthz')).status, 200);
  const during = await product.ledger();
  assert.ok(during.balanced, JSON.stringify(during));
  assert.equal(during.received, client.acknowledged);
  assert.equal((await cli(['status', '--data', dataDir])).code, 0);
  assert.equal((await product.request('GET', '/readyz')).status, 503);
  if (leaveBytes === 0) {
    for (const reader of ['archive', 'metrics'])
      assert.match(product.output(), new RegExp(`${reader}: a step failed`));
  }

  disk.free(product.pid);
  await until(() => client.send(1), 'lines are taken again', 30_000);
  const after = await product.settled();
  assert.ok(after.balanced, JSON.stringify(after));
  assert.equal(after.archive.events, client.acknowledged);
  assert.equal(after.metrics.counted, client.acknowledged);
  await compareWithRebuild(product);

  // Killed while it is full, and started again when there is room.
  const { acknowledged } = client;
  client = new Client(product);
  client.sent = 1_000_000;
  assert.ok(await client.send(5));
  disk.fill(product.pid, leaveBytes);
  await sleep(500);
  await product.kill();
  disk.free(null);
  product = await startProduct({ dataDir, config, env: disk.env });
  const last = await product.settled();
  assert.equal(last.received, acknowledged + client.acknowledged);
  assert.ok(last.balanced, JSON.stringify(last));
  const { events } = await readArchive(join(dataDir, 'archive'));
  assert.equal(events.rows, last.received);
  assert.equal(events.event_ids, last.received);
  await compareWithRebuild(product);
  assert.equal(await product.stop(), 0);
}

test('the reserve of free space is reached: lines are refused, all else continues', (t) =>
  runFull(t, 4 * MIB));
test('the disk is full to the last byte: everything waits, and catches up when there is room', (t) =>
  runFull(t, 0));
