/** Promise 8 for InfluxDB: whatever is wrong with it is told and stops nothing else, and nothing is lost. A real server. */
import assert from 'node:assert/strict';
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { oldDataset, startBefore, stream } from '../../tools/simulator/index.ts';
import { testNow } from '../support/clock.ts';
import { assertMetricsEqual, followed, Influx, statusOf } from '../support/influx.ts';
import { cli, configFile, type Product, startProduct, temporaryDir, until } from '../support/product.ts';
import { readArchive } from '../support/read-archive.ts';
import { testSeed } from '../support/seed.ts';
import { startService, type TestService } from '../support/services.ts';
import { itThorough } from '../support/thorough.ts';

const NEWLINE = Buffer.from('\n');

function bodies(count: number, linesEach: number): Buffer[] {
  const lines = [
    ...stream({
      seed: testSeed('influxdb-outage'),
      startMs: startBefore(testNow(), count, 2),
      eventsPerSecond: 2,
      count,
    }),
  ].map(({ line }) => Buffer.from(line));
  return Array.from({ length: Math.ceil(count / linesEach) }, (_, i) =>
    Buffer.concat(lines.slice(i * linesEach, (i + 1) * linesEach).flatMap((line) => [line, NEWLINE])),
  );
}

async function send(product: Product, list: Buffer[]): Promise<void> {
  for (const body of list) assert.equal((await product.send(body)).status, 200);
}

/** Both parts wait, with a message like this; all else works, also for a balancer. */
async function assertWaits(product: Product, message: RegExp): Promise<void> {
  await until(
    async () => {
      const { parts } = await statusOf(product);
      return parts.influxdb!.state === 'waiting' && parts['influxdb raw']!.state === 'waiting';
    },
    'both parts wait',
    30_000,
  );
  const { parts } = await statusOf(product);
  assert.match(parts.influxdb!.message, message);
  assert.match(parts['influxdb raw']!.message, message);
  assert.equal((await product.request('GET', '/readyz')).status, 200);
  await product.settled();
}

describe('InfluxDB', () => {
  let service: TestService<'influxdb'>;
  let influx: Influx;
  before(async () => {
    service = await startService('influxdb');
    influx = new Influx(service.info);
  });

  const storeOf = (database: string, more: object = {}) => ({
    kind: 'influxdb',
    ...service.info,
    bucket: `${database}/autogen`,
    ...more,
  });

  async function startWith(store: object): Promise<Product> {
    return startProduct({ dataDir: temporaryDir(), config: { stores: [store] } });
  }

  async function assertWhole(product: Product, database: string): Promise<void> {
    await followed(product);
    assert.ok((await assertMetricsEqual(product, influx, database)) > 0);
    const { archive, balanced } = await product.ledger();
    assert.ok(balanced);
    const { events } = await readArchive(join(product.dataDir, 'archive'));
    assert.equal(events.rows, archive.events);
    const points = await influx.count('ecommerce_event', 'events', database);
    assert.equal(points, events.rows - events.excluded!, 'a point for each row of people');
    const { parts } = await statusOf(product);
    assert.deepEqual([parts.influxdb!.state, parts['influxdb raw']!.state], ['ready', 'ready']);
    assert.ok(!`${product.output()}${JSON.stringify(parts)}`.includes(influx.password), 'no secret is told');
  }

  it('that is killed under load catches up when it is back; archive and metrics continue', async () => {
    await influx.query('CREATE DATABASE "killed"');
    const product = await startWith(storeOf('killed'));
    const all = bodies(6000, 100);
    const sending = (async () => {
      for (const body of all.slice(0, 50)) {
        await send(product, [body]);
        await sleep(100);
      }
    })();
    await until(
      async () => (await influx.count('ecommerce_event', 'events', 'killed')) > 0,
      'the first points',
    );
    await service.kill('SIGKILL');
    await sending;
    await assertWaits(product, /does not answer \([^)]+\). Check that it runs/);
    assert.ok((await statusOf(product)).lag['influxdb raw']! > 0);
    await send(product, all.slice(50));
    const { archive, metrics } = await product.settled();
    assert.equal(archive.events + archive.bad_rows, 6000);
    assert.equal(metrics.in_flight, 0);
    await service.restart();
    await assertWhole(product, 'killed');
    assert.equal(await product.stop(), 0);
  });

  itThorough(
    'that is away for longer than the log keeps lines holds up no ingestion, and gets what it missed from the archive',
    async () => {
      await influx.query('CREATE DATABASE "long"');
      const dataDir = temporaryDir();
      const log = { segment_bytes_max: 100_000, retention: { max_bytes: 300_000 } };
      const options = {
        dataDir,
        config: { stores: [storeOf('long')], log, batch: { archive_every_ms: 500 } },
      };
      let product = await startProduct(options);
      const all = bodies(30_000, 500);
      await send(product, all.slice(0, 10));
      await followed(product);
      await service.kill('SIGKILL');
      await send(product, all.slice(10, 30));
      await product.settled();
      const logBytes = () =>
        readdirSync(join(dataDir, 'log')).reduce(
          (sum, name) => sum + statSync(join(dataDir, 'log', name)).size,
          0,
        );
      const isSmall = () => logBytes() < 600_000;
      await until(isSmall, 'the log deletes what archive and metrics have');
      // What is missing is known after a crash too, and files that hold it may have been merged.
      await product.kill();
      product = await startProduct(options);
      await send(product, all.slice(30, 50));
      await product.settled();
      assert.equal((await cli(['compact', '--data', dataDir])).code, 0);
      await send(product, all.slice(50));
      await product.settled();
      await until(isSmall, 'the log deletes what archive and metrics have, also after a restart');
      await assertWaits(product, /does not answer/);
      assert.ok((await statusOf(product)).lag['influxdb raw']! > 20_000, 'what it lacks is shown');
      await service.restart();
      await assertWhole(product, 'long');
      assert.match(product.output(), /no longer has \d+ offsets.*written from the archive/);
      assert.equal(await product.stop(), 0);
    },
  );

  it('that refuses the token is retried; a token_file is read again', async () => {
    await influx.query('CREATE DATABASE "token"');
    const file = join(temporaryDir(), 'token');
    writeFileSync(file, `${service.info.token}\n`);
    const { token: _, ...store } = storeOf('token', { token_file: file }) as Record<string, unknown>;
    const product = await startWith(store);
    writeFileSync(file, 'tillstream:not-the-password\n');
    await send(product, bodies(500, 500));
    await assertWaits(product, /does not accept the token: authorization failed. Set the right one/);
    writeFileSync(file, `${service.info.token}\n`);
    await assertWhole(product, 'token');
    assert.ok(!product.output().includes('not-the-password'));
    await product.stop();
  });

  itThorough('that gives no right to write is waited for', async () => {
    await influx.query('CREATE DATABASE "right"');
    await influx.query(`CREATE USER "guest" WITH PASSWORD 'only-reads'`);
    await influx.query('GRANT WRITE ON "right" TO "guest"');
    const product = await startWith(storeOf('right', { token: 'guest:only-reads' }));
    await influx.query('REVOKE WRITE ON "right" FROM "guest"');
    await send(product, bodies(500, 500));
    await assertWaits(product, /does not allow writing to bucket "right\/autogen"/);
    await influx.query('GRANT WRITE ON "right" TO "guest"');
    await assertWhole(product, 'right');
    assert.ok(!product.output().includes('only-reads'));
    await product.stop();
  });

  itThorough('without the database is waited for', async () => {
    await influx.query('CREATE DATABASE "missing"');
    const product = await startWith(storeOf('missing'));
    await influx.query('DROP DATABASE "missing"');
    await send(product, bodies(500, 500));
    await assertWaits(product, /has no bucket "missing\/autogen" .*database not found.* Create it/);
    await influx.query('CREATE DATABASE "missing"');
    await assertWhole(product, 'missing');
    await product.stop();
  });

  itThorough('in which another program has written a field with another type is waited for', async () => {
    await influx.query('CREATE DATABASE "types"');
    const lines = ['ecommerce_event response_time=1.5', 'tillstream_traffic events=1.5'];
    const { url, token } = service.info;
    const answer = await fetch(`${url}/api/v2/write?org=o&bucket=types/autogen`, {
      method: 'POST',
      headers: { authorization: `Token ${token}` },
      body: lines.join('\n'),
    });
    assert.equal(answer.status, 204);
    const product = await startWith(storeOf('types'));
    await send(product, bodies(500, 500));
    await assertWaits(product, /type of a field.*field type conflict.*delete that measurement there/);
    for (const measurement of ['ecommerce_event', 'tillstream_traffic'])
      await influx.query(`DROP MEASUREMENT "${measurement}"`, 'types');
    await assertWhole(product, 'types');
    await product.stop();
  });

  it('that accepts connections but never answers delays neither archive nor metrics, nor the stop', async () => {
    const sockets = new Set<Socket>();
    let isSilent = false;
    const silent = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('data', () => {
        if (!isSilent) socket.end('HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n');
      });
    });
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    try {
      const product = await startWith(
        storeOf('any', { url: `http://127.0.0.1:${port}`, timeout_seconds: 2 }),
      );
      isSilent = true;
      const before = product.memory();
      for (const body of bodies(60_000, 2000)) {
        await send(product, [body]);
        await sleep(50);
      }
      const startedMs = performance.now();
      await product.settled();
      assert.ok(performance.now() - startedMs < 15_000, `settled after ${performance.now() - startedMs} ms`);
      await assertWaits(product, /does not answer \(no answer within 2 s\)/);
      assert.ok(product.memory() - before < 600e6, 'what it can’t have is not kept in memory');
      const stopMs = performance.now();
      assert.equal(await product.stop(), 0);
      assert.ok(performance.now() - stopMs < 15_000, `stopped after ${performance.now() - stopMs} ms`);
    } finally {
      for (const socket of sockets) socket.destroy();
      silent.close();
    }
  });

  it('shows its secret nowhere: status, check, doctor, log, files', async () => {
    await influx.query('CREATE DATABASE "secret"');
    const dataDir = temporaryDir();
    const config = { log_level: 'debug', stores: [storeOf('secret')] };
    const product = await startProduct({ dataDir, config });
    await send(product, [
      Buffer.from(
        oldDataset({ seed: 1, count: 20 })
          .map((event) => `${JSON.stringify(event)}\n`)
          .join(''),
      ),
    ]);
    await followed(product);
    const told: string[] = [];
    for (const path of ['/v1/status', '/metrics', '/readyz', '/openapi.json'])
      told.push((await product.request('GET', path)).text);
    const file = configFile(config);
    for (const command of ['status', 'check', 'doctor']) {
      const { stdout, stderr } = await cli([command, '--config', file, '--data', dataDir, '--json']);
      told.push(stdout, stderr);
    }
    await product.stop();
    told.push(product.output());
    assert.ok(!told.some((text) => text.includes(influx.password)));
    const found = await cli([
      'check',
      '--config',
      configFile({ stores: [{ ...storeOf('s'), org: 3 }] }),
      '--data',
      dataDir,
    ]);
    assert.equal(found.code, 2);
    assert.ok(!found.stderr.includes(influx.password), 'nor a mistake of the config');
  });
});
