/**
 * The old start script's whole work by one command: Kafka, HDFS, YARN, Spark and InfluxDB are started and used, what they give is
 * what the embedded pipeline gives, and one command ends exactly those. It takes minutes: five servers
 * start, compute and end.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { WebHdfs } from '../../src/archive/storage/hdfs/webhdfs.ts';
import { REMOTE_LIMITS } from '../../src/archive/storage/remote.ts';
import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import type { MetricRow } from '../../src/metrics/metrics-store.ts';
import type { WindowSize } from '../../src/metrics/window.ts';
import type { Ledger } from '../../src/telemetry/ledger.ts';
import type { Status } from '../../src/telemetry/status.ts';
import { startBefore } from '../../tools/simulator/index.ts';
import { testNow, useRealClock } from '../support/clock.ts';
import { copyDown } from '../support/copy-down.ts';
import { type Asked, apiRows, assertMetricsEqual, followed, Influx } from '../support/influx.ts';
import { casePath } from '../support/load-case.ts';
import { OLD_PIPELINE, oldPipelineFile } from '../support/old-pipeline.ts';
import { isAlive } from '../support/processes.ts';
import { cli, PROJECT_DIR, startProduct, temporaryDir, until } from '../support/product.ts';
import { readArchive } from '../support/read-archive.ts';
import { testSeed } from '../support/seed.ts';

const SERVERS = 'kafka,hdfs,yarn,spark,influxdb';
const START_MS_MAX = 400_000;
const LOAD_MS_MAX = 300_000;
const LINES = 4000;
const RATE = LINES / 3600;
const DAY_MS = 86_400_000;

/** Files as shops have them: each kind of value that is changed on its way in. */
const CASES = [
  ...[
    'json-types.ndjson',
    'json-names.ndjson',
    'json-camel-half.ndjson',
    'b-lineitems.ndjson',
    'b-sameorder.ndjson',
  ],
  ...['b-negative.ndjson', 'b-currencies.ndjson', 'guests.ndjson', 'csv-thousands-eu.csv', 'csv-null.csv'],
];

interface Loaded {
  events: number;
  bad_rows: number;
  duplicates: number;
  stores_behind: object;
}

describe('start-pipeline.sh --with everything', () => {
  useRealClock();
  const seed = testSeed('start-pipeline');
  const [data, embedded] = [join(temporaryDir(), 'data'), temporaryDir()];
  const shop = join(temporaryDir(), 'shop.ndjson');
  const files = [oldPipelineFile(), shop];
  let isUp = false;

  const script = (name: string, ...args: string[]) =>
    promisify(execFile)('bash', [join(PROJECT_DIR, name), ...args], {
      env: scriptEnv(data),
      timeout: START_MS_MAX,
    });
  const answer = async <T>(folder: string, args: string[]) => {
    const result = await cli([...args, '--data', folder, '--json'], { timeoutMs: LOAD_MS_MAX });
    assert.equal(result.code, 0, `${args.join(' ')}: ${result.stderr}`);
    return result.json<T>();
  };

  before(async () => {
    const start = new Date(startBefore(testNow(), LINES, RATE)).toISOString();
    await cli([
      ...['simulate', '--out', shop, '--count', String(LINES), '--rate', String(RATE), '--start', start],
      ...['--seed', String(seed), '--duplicate', '0.02', '--malformed', '0.01'],
    ]);
    const { stdout } = await script('start-pipeline.sh', '--no-demo', '--with', SERVERS);
    isUp = true;
    assert.match(stdout, /^Tillstream is ready\.\n {2}Dashboard {2}http:/);
  });
  after(async () => {
    if (isUp) await script('stop-pipeline.sh');
    await cli(['services', 'down', '--remove-data', '--data', data]);
  });

  it('uses each of the servers', async () => {
    const config = parse(readFileSync(join(data, 'config.yaml'), 'utf8'));
    assert.deepEqual(
      [config.log.kind, config.archive.kind, config.engine.kind, config.engine.master, config.stores[0].kind],
      ['kafka', 'hdfs', 'spark', 'yarn', 'influxdb'],
    );
    const { parts } = await answer<Status>(data, ['status']);
    const states = Object.entries(parts).map(([part, { state, message }]) => `${part} ${state} ${message}`);
    assert.deepEqual(
      states.filter((state) => !/ ready $/.test(state)),
      [],
    );
  });

  it('gives what the embedded pipeline gives, and so do InfluxDB and the archive', async () => {
    const load = async (...names: string[]) => {
      const loaded = await answer<Loaded>(data, ['load', ...names]);
      const alone = await answer<Loaded>(embedded, ['load', ...names]);
      const figures = ({ events, bad_rows, duplicates }: Loaded) => ({ events, bad_rows, duplicates });
      assert.deepEqual(figures(loaded), figures(alone));
      assert.deepEqual(loaded.stores_behind, {});
      return loaded;
    };
    const old = await load(...files);
    const traffic = await answer<{ rows: { start: string; events: number }[] }>(data, [
      ...['query', 'traffic', '--from', '2024-10-15', '--to', '2024-11-02'],
    ]);
    const days: Record<string, number> = {};
    for (const { start, events } of traffic.rows) days[start] = (days[start] ?? 0) + events;
    assert.deepEqual(days, OLD_PIPELINE.days);
    const cases = await load(...CASES.map(casePath));
    const loaded = { events: old.events + cases.events, bad_rows: old.bad_rows + cases.bad_rows };

    const product = attached(data);
    const alone = await startProduct({ dataDir: embedded });
    await alone.settled();
    for (const { name, windows } of CATALOGUE) {
      for (const window of windows) {
        // Data quality is by the time of receipt, which is not the same in both; its sum is.
        const rows = name === 'quality' ? totalOf : apiRows;
        const [ofServers, ofAlone] = [await rows(product, name, window), await rows(alone, name, window)];
        assert.ok(ofAlone.length > 0, `${name} ${window}`);
        assert.deepEqual(sorted(ofServers), sorted(ofAlone), `${name} ${window}`);
      }
    }
    assert.equal(await alone.stop(), 0);
    const connections = await answer<{ hdfs: { url: string }; influxdb: Influx['info'] }>(data, [
      ...['services', 'up', 'hdfs,influxdb'],
    ]);
    const influx = new Influx(connections.influxdb);
    await followed(product, LOAD_MS_MAX);
    assert.ok((await assertMetricsEqual(product, influx)) > 0);
    const copy = temporaryDir();
    const hdfs = new WebHdfs({ url: connections.hdfs.url, user: 'tillstream', limits: REMOTE_LIMITS });
    await copyDown(hdfs, '/ecommerce', copy);
    const seen = await readArchive(copy);
    assert.deepEqual([seen.events.rows, seen.bad_rows.rows], [loaded.events, loaded.bad_rows]);
    assert.ok(seen.events.excluded! > 0, 'there are bots');
    const people = seen.events.rows - seen.events.excluded!;
    assert.equal(await influx.count('ecommerce_event', 'events'), people, 'a point for each row of people');
    const diff = await answer<{ differences: number }>(data, ['rebuild', '--diff']);
    assert.equal(diff.differences, 0);
  });

  it('a second start changes nothing, and one with another server says that it is not used', async () => {
    const again = await script('start-pipeline.sh', '--no-demo', '--with', SERVERS);
    assert.match(again.stdout, /^Tillstream is already running: http/);
    const other = await script('start-pipeline.sh', '--with', 's3').catch((error) => error);
    assert.equal(other.code, 2);
    assert.match(
      other.stderr,
      /Tillstream is already running, without s3: .*Stop it with \.\/stop-pipeline\.sh/,
    );
  });

  it('stop-pipeline.sh ends all that was started, and nothing is left to drain', async () => {
    const { pid } = await answer<Status>(data, ['status']);
    const services = await answer<Record<string, { processes: { pid: number }[] }>>(data, [
      'services',
      'status',
    ]);
    const pids = [
      pid,
      ...Object.values(services).flatMap(({ processes }) => processes.map((each) => each.pid)),
    ];
    assert.equal(
      pids.length,
      7,
      'Tillstream, broker, NameNode, DataNode, ResourceManager, NodeManager, influxd',
    );
    const { stdout } = await script('stop-pipeline.sh');
    isUp = false;
    assert.match(stdout, /^Stopped process \d+\./);
    assert.doesNotMatch(stdout, /Not drained/);
    await until(() => pids.every((each) => !isAlive(each)), 'their end', 60_000);
  });
});

/** What a metric has in the last days, all windows together. */
async function totalOf(product: Asked, metric: string, window: WindowSize): Promise<MetricRow[]> {
  const [from, to] = [testNow() - 20 * DAY_MS, testNow() + DAY_MS];
  const path = `/v1/metrics/${metric}?window=${window}&total=true&from=${from}&to=${to}`;
  return (await product.request<{ total: MetricRow[] }>('GET', path)).json.total;
}

const sorted = (rows: object[]) => rows.map((row) => JSON.stringify(row)).sort();

/** As a user's shell would have it: what the scripts fetch depends on settings of npm, Maven and pip. */
function scriptEnv(dataDir: string): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(TILLSTREAM_|NODE_TEST)/.test(name));
  return {
    ...Object.fromEntries(own),
    TILLSTREAM_DATA: dataDir,
    TILLSTREAM_PORT: '0',
    NODE_NO_WARNINGS: '1',
  };
}

/** The process that the scripts have started. */
function attached(dataDir: string): Asked {
  const { url, token } = JSON.parse(readFileSync(join(dataDir, 'run.json'), 'utf8'));
  const request: Asked['request'] = async (method, path, options = {}) => {
    const found = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(options.timeoutMs ?? 60_000),
    });
    const text = await found.text();
    const json = text.startsWith('{') ? JSON.parse(text) : undefined;
    return { status: found.status, headers: found.headers, text, json };
  };
  return {
    request,
    async settled() {
      const ledger = async () => (await request<Ledger>('GET', '/v1/ledger')).json;
      await until(
        async () => {
          const { archive, metrics, dirty_windows } = await ledger();
          return archive.in_flight + metrics.in_flight + dirty_windows === 0;
        },
        'it settles',
        LOAD_MS_MAX,
      );
      return ledger();
    },
  };
}
