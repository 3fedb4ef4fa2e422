/** Settings that are wrong end a command within seconds, with what is wrong; what has worked before may be away. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { cli, configFile, startProduct, temporaryDir } from '../support/product.ts';

const SECONDS_MAX = 25;
const EVENT = '{"timestamp":1790000000000,"event_type":"search"}\n';

/** A port of this machine on which nothing listens. */
let closed = 0;
let influx: Server;
let influxPort = 0;
let status = 204;

before(async () => {
  const taken = createTcpServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  closed = (taken.address() as { port: number }).port;
  await new Promise((resolve) => taken.close(resolve));
  influx = createServer((request, response) => {
    request.resume();
    response.statusCode = status;
    response.end();
  });
  await new Promise<void>((resolve) => influx.listen(0, '127.0.0.1', resolve));
  influxPort = (influx.address() as { port: number }).port;
});
after(() => influx.close());

const store = (port: number) => ({
  kind: 'influxdb',
  url: `http://127.0.0.1:${port}`,
  token: 'a-secret-token',
  org: 'o',
  bucket: 'b',
});

/** By a name: the config, and what is said of it. */
const WRONG: Record<string, () => [config: object, message: RegExp]> = {
  'a log whose brokers do not answer': () => [
    { log: { kind: 'kafka', brokers: [`127.0.0.1:${closed}`] } },
    /Kafka at 127\.0\.0\.1:\d+ can't be reached as the event log: .*Check log\.brokers/,
  ],
  'an archive on an HDFS that does not answer': () => [
    { archive: { kind: 'hdfs', url: `http://127.0.0.1:${closed}`, path: '/ecommerce' } },
    /The archive can't be opened\. .*127\.0\.0\.1:\d+/,
  ],
  'a store that does not answer': () => [
    { stores: [store(closed)] },
    /InfluxDB .*127\.0\.0\.1:\d+ does not answer .*Check that it runs and that url is right/,
  ],
  'an engine that does not reach the archive': () => [
    { engine: { kind: 'spark', master: 'spark://192.0.2.1:7077', python: process.execPath } },
    /Spark at spark:\/\/192\.0\.2\.1:7077 can't reach the archive, .*Set engine\.archive_url/,
  ],
};

describe('a wrong setting', () => {
  for (const [name, of] of Object.entries(WRONG)) {
    it(`${name}: up, load and query end with what is wrong`, async () => {
      const [config, message] = of();
      const file = join(temporaryDir(), 'one.ndjson');
      writeFileSync(file, EVENT);
      const data = temporaryDir();
      // A data folder of before the setting was made.
      assert.equal((await cli(['load', file, '--data', data])).code, 0);
      const path = configFile(config);
      for (const args of [['up'], ['up', '--background'], ['load', file], ['query', 'traffic']]) {
        const startedMs = performance.now();
        const { code, stderr, stdout } = await cli([...args, '--config', path, '--data', data]);
        assert.deepEqual([code, stdout], [2, ''], `${args}: ${stderr}`);
        assert.match(stderr, message);
        assert.ok(!stderr.includes('a-secret-token'));
        assert.doesNotMatch(stderr, /\n {4}at /);
        assert.ok(
          performance.now() - startedMs < SECONDS_MAX * 1000,
          `${args} took ${performance.now() - startedMs} ms`,
        );
      }
    });
  }

  it('a store that rejects the login is refused at each start, until it takes it', async () => {
    const data = temporaryDir();
    const config = configFile({ stores: [store(influxPort)] });
    for (status of [401, 401, 404]) {
      const { code, stderr } = await cli(['up', '--background', '--config', config, '--data', data]);
      assert.equal(code, 2, stderr);
      assert.match(stderr, status === 401 ? /does not accept the .*Set the right one/ : /has no /);
    }
    status = 204;
    assert.equal((await cli(['up', '--background', '--config', config, '--data', data])).code, 0);
    await cli(['down', '--data', data]);
    // From now on it may be away.
    status = 503;
    const again = await cli(['up', '--background', '--config', config, '--data', data]);
    assert.equal(again.code, 0, again.stderr);
    await cli(['down', '--data', data], { timeoutMs: 120_000 });
    // Other settings have never worked.
    const other = configFile({ stores: [{ ...store(influxPort), bucket: 'other' }] });
    assert.equal((await cli(['up', '--background', '--config', other, '--data', data])).code, 2);
    status = 204;
  });
});

describe('check', () => {
  it('tries each part, and changes nothing: no data folder, no request but empty ones', async () => {
    const bodies: number[] = [];
    const server = createServer((request, response) => {
      let bytes = 0;
      request.on('data', (chunk) => {
        bytes += chunk.length;
      });
      request.on('end', () => {
        bodies.push(bytes);
        response.statusCode = 204;
        response.end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const parent = temporaryDir();
    const config = configFile({
      log: { kind: 'kafka', brokers: [`127.0.0.1:${closed}`] },
      archive: { kind: 'hdfs', url: `http://127.0.0.1:${closed}`, path: '/ecommerce' },
      engine: { kind: 'spark', master: `spark://127.0.0.1:${closed}`, python: '/nowhere/python' },
      stores: [store(port)],
    });
    const result = await cli(['check', '--config', config, '--data', join(parent, 'data'), '--json']);
    server.close();
    assert.equal(result.code, 1);
    const { findings } = result.json<{ findings: { part: string; ok: boolean; message: string }[] }>();
    assert.deepEqual(
      findings.map(({ part, ok }) => [part, ok]),
      [
        ['config', true],
        ['data folder', true],
        ['log', false],
        ['archive', false],
        ['engine', false],
        ['store influxdb', true],
      ],
    );
    assert.match(
      findings.find(({ part }) => part === 'engine')!.message,
      /There is no program \/nowhere\/python/,
    );
    assert.deepEqual(bodies, [0]);
    assert.deepEqual(readdirSync(parent), []);
  });

  it('leaves lines that wait for the archive where they are', async () => {
    const data = temporaryDir();
    const product = await startProduct({ dataDir: data, config: { batch: { archive_every_ms: 60_000 } } });
    await product.send(EVENT);
    await product.kill();
    assert.ok(!existsSync(join(data, 'archive', 'events', '_delta_log', '00000000000000000001.json')));
    const before = readdirSync(data, { recursive: true }).sort();
    assert.equal((await cli(['check', '--data', data])).code, 0);
    const lasting = (names: unknown[]) => names.filter((name) => !/^(lock|run\.json)/.test(String(name)));
    assert.deepEqual(lasting(readdirSync(data, { recursive: true }).sort()), lasting(before));
  });
});
