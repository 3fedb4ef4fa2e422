/** What is in InfluxDB is what the query API gives, and every event is one point there. A real server. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { stream } from '../../tools/simulator/index.ts';
import { testNow } from '../support/clock.ts';
import { assertMetricsEqual, followed, Influx, statusOf } from '../support/influx.ts';
import { cli, configFile, startProduct, temporaryDir } from '../support/product.ts';
import { testSeed } from '../support/seed.ts';
import { sharedService } from '../support/services.ts';

const DAY_MS = 86_400_000;

describe('InfluxDB', () => {
  let influx: Influx;
  before(async () => {
    influx = new Influx(await sharedService('influxdb'));
  });

  async function newDatabase(name: string): Promise<object> {
    await influx.query(`CREATE DATABASE "${name}"`);
    return { kind: 'influxdb', ...influx.info, bucket: `${name}/autogen` };
  }

  it('has the points of all metrics, also after late events have changed old windows', async () => {
    const store = await newDatabase('metrics');
    const options = { dataDir: temporaryDir(), config: { time_zone: 'Europe/Berlin', stores: [store] } };
    let product = await startProduct(options);
    const simulated = [
      ...stream({
        seed: testSeed('influxdb'),
        startMs: testNow() - 3 * DAY_MS,
        eventsPerSecond: 0.02,
        count: 4000,
        rates: { late: 0.05, veryLate: 0.01, malformed: 0.02, duplicate: 0.02 },
      }),
    ];
    const lines = simulated.map(({ line }) => Buffer.from(line));
    const send = async (from: number, to: number) => {
      const body = Buffer.concat(lines.slice(from, to).flatMap((line) => [line, Buffer.from('\n')]));
      assert.equal((await product.send(body)).status, 200);
    };
    await send(0, 2000);
    await followed(product);
    const before = await assertMetricsEqual(product, influx, 'metrics');
    for (let from = 2000; from < 3000; from += 250) await send(from, from + 250);
    await product.kill();
    product = await startProduct(options);
    await send(3000, 4000);
    await followed(product);
    const after = await assertMetricsEqual(product, influx, 'metrics');
    assert.ok(before > 1000 && after > before, `${before} and ${after} points`);
    // Bots are left out, as they are of the metrics.
    const people = simulated.filter(
      ({ kind, line }) => kind !== 'bad' && !/bot|crawler|python/i.test(line.toString()),
    );
    assert.equal(await influx.count('ecommerce_event', 'events', 'metrics'), people.length);

    // Types never flip: counts are integers, all else is floats.
    const types = await influx.query('SHOW FIELD KEYS FROM "tillstream_revenue"', 'metrics');
    assert.deepEqual(Object.fromEntries(types.map(({ fieldKey, fieldType }) => [fieldKey, fieldType])), {
      average_order: 'float',
      net: 'float',
      orders: 'integer',
      refunded: 'float',
      refunds: 'integer',
      revenue: 'float',
      units_decimal: 'float',
    });
    assert.equal(await product.stop(), 0);

    // A rebuilt state, and a progress that is gone, end in the same points.
    rmSync(join(options.dataDir, 'metrics'), { recursive: true });
    product = await startProduct(options);
    await followed(product);
    assert.equal(await assertMetricsEqual(product, influx, 'metrics'), after);
    await product.stop();
    rmSync(join(options.dataDir, 'stores', 'influxdb', 'metrics.json'));
    product = await startProduct(options);
    await followed(product);
    assert.equal(await assertMetricsEqual(product, influx, 'metrics'), after);
    await product.stop();
  });

  it('has 4,000 points of 4,000 events of the old shape, and no more when they are sent again', async () => {
    const file = join(temporaryDir(), 'old.json');
    assert.equal(
      (await cli(['simulate', '--write-dataset', file, '--count', '4000', '--seed', '7'])).code,
      0,
    );
    const options = { dataDir: temporaryDir(), config: { stores: [await newDatabase('old')] } };
    assert.equal((await cli(['load', file, '--data', options.dataDir])).code, 0);
    for (const round of ['first', 'again']) {
      const product = await startProduct(options);
      await followed(product);
      assert.equal(await influx.count('ecommerce_event', 'response_time', 'old'), 4000, round);
      assert.equal(await influx.count('ecommerce_event', 'user_id', 'old'), 4000, round);
      const days = await influx.query(
        `SELECT count("product_id") FROM "ecommerce_event" GROUP BY time(1d)`,
        'old',
      );
      assert.ok(days.length > 0);
      await product.stop();
      rmSync(join(options.dataDir, 'stores', 'influxdb', 'events.json'));
    }
    const tags = await influx.query('SHOW TAG KEYS FROM "ecommerce_event"', 'old');
    assert.deepEqual(tags.map(({ tagKey }) => tagKey).sort(), ['device_type', 'event_type', 'status_code']);
    const series = await influx.query('SHOW SERIES FROM "ecommerce_event"', 'old');
    assert.ok(series.length <= 4 * 2 * 3, `${series.length} series`);
  });

  it('accepts the v1 API with user and password, and without single events if they are turned off', async () => {
    await influx.query('CREATE DATABASE "v1"');
    await influx.query(`CREATE USER "writer" WITH PASSWORD 'for writing'`);
    await influx.query('GRANT WRITE ON "v1" TO "writer"');
    const { url } = influx.info;
    const store = {
      kind: 'influxdb',
      url,
      database: 'v1',
      retention_policy: 'autogen',
      user: 'writer',
      password: 'for writing',
      raw_events: false,
      gzip: false,
    };
    const product = await startProduct({ dataDir: temporaryDir(), config: { stores: [store] } });
    await product.send(
      '{"timestamp":1790000000000,"event_type":"purchase","amount":"12.50","currency":"EUR"}\n',
    );
    await followed(product);
    assert.deepEqual(Object.keys((await statusOf(product)).lag), ['archive', 'metrics']);
    const rows = await influx.query(
      `SELECT revenue, orders FROM "tillstream_revenue" WHERE "window" = '1h'`,
      'v1',
    );
    assert.deepEqual(
      rows.map(({ revenue, orders }) => ({ revenue, orders })),
      [{ revenue: 12.5, orders: 1 }],
    );
    assert.equal(await influx.count('ecommerce_event', 'events', 'v1'), 0);
    await product.stop();
  });

  it('writes unusual values, and no more values of a tag than allowed', async () => {
    const store = { ...(await newDatabase('odd')), tag_values_max: 5 };
    const product = await startProduct({ dataDir: temporaryDir(), config: { stores: [store] } });
    const odd = [
      'a b',
      'c,d=e',
      'line\nend',
      'back\\',
      '"quoted"',
      'über 🛒',
      "it's",
      'tab\there',
      'x=',
      ',',
      '#',
    ];
    const body = odd.map((text, i) =>
      JSON.stringify({
        timestamp: testNow(),
        event_type: text,
        user_id: `${text}${i}`,
        product_id: text,
        currency: 'EUR',
      }),
    );
    const { json } = await product.send(`${body.join('\n')}\n`);
    assert.equal(json.accepted, odd.length);
    await followed(product);
    const users = await influx.query('SELECT user_id FROM "ecommerce_event"', 'odd');
    assert.deepEqual(users.map(({ user_id }) => user_id).sort(), odd.map((text, i) => `${text}${i}`).sort());
    const tags = await influx.query('SHOW TAG VALUES FROM "ecommerce_event" WITH KEY = "event_type"', 'odd');
    assert.equal(tags.length, 6, 'five and other');
    assert.ok(tags.some(({ value }) => value === 'other'));
    const [sum] = await influx.query(
      `SELECT sum("events") AS n FROM "tillstream_traffic" WHERE "window" = '1d'`,
      'odd',
    );
    assert.equal(sum!.n, odd.length, 'what is merged under "other" is added up');
    await product.stop();
  });

  it('continues where the server drops what is older than its retention, and counts that', async () => {
    await influx.query('CREATE DATABASE "short" WITH DURATION 7d');
    const store = { kind: 'influxdb', ...influx.info, bucket: 'short/autogen' };
    const product = await startProduct({ dataDir: temporaryDir(), config: { stores: [store] } });
    const event = (timestamp: number) => JSON.stringify({ timestamp, event_type: 'search', user_id: 'u1' });
    await product.send(`${event(testNow() - 30 * DAY_MS)}\n${event(testNow())}\n`);
    await followed(product);
    assert.equal(await influx.count('ecommerce_event', 'events', 'short'), 1);
    const { text } = await product.request('GET', '/metrics');
    assert.match(text, /^tillstream_store_total\{store="influxdb",counter="expired_points"\} [1-9]/m);
    assert.match(product.output(), /older than its retention/);
    await product.stop();
  });

  it('is tested by check and doctor, running or not, without a write', async () => {
    const store = await newDatabase('checked');
    const config = configFile({ stores: [store] });
    const data = temporaryDir();
    const args = ['--config', config, '--data', data, '--json'];
    type Findings = { ok: boolean; findings: { part: string; ok: boolean; message: string }[] };
    const found = (await cli(['check', ...args])).json<Findings>();
    assert.ok(found.ok, JSON.stringify(found));
    assert.match(
      found.findings.find(({ part }) => part === 'store influxdb')!.message,
      /takes points for bucket "checked/,
    );
    assert.deepEqual(await influx.query('SHOW MEASUREMENTS', 'checked'), []);
    const wrong = configFile({ stores: [{ ...store, token: 'tillstream:not-the-password' }] });
    for (const command of ['check', 'doctor']) {
      const bad = await cli([command, '--config', wrong, '--data', data, '--json']);
      assert.equal(bad.code, 1);
      const finding = bad.json<Findings>().findings.find(({ part }) => part === 'store influxdb')!;
      assert.match(finding.message, /does not accept the token/);
      assert.ok(!`${bad.stdout}${bad.stderr}`.includes('not-the-password'));
    }
  });
});
