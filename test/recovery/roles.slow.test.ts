/** Several processes share the work over Kafka and S3: who collects, who archives, who measures; and each of them may die. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { RebuildResult } from '../../src/metrics/engine.ts';
import type { Ledger } from '../../src/telemetry/ledger.ts';
import type { Connections } from '../../tools/dev-services/server.ts';
import { type SimulatedLine, startBefore, stream, Truth } from '../../tools/simulator/index.ts';
import { testNow } from '../support/clock.ts';
import { statusOf } from '../support/influx.ts';
import { cli, configFile, type Product, startProduct, temporaryDir, until } from '../support/product.ts';
import { python } from '../support/read-archive.ts';
import { testSeed } from '../support/seed.ts';
import { ownName, sharedService } from '../support/services.ts';

/** The shortest that the config takes. */
const SESSION_SECONDS = 6;
const BATCH_LINES = 80;
const SETTLED_MS_MAX = 120_000;

const seed = testSeed('roles');
let kafka: Connections['kafka'];
let s3: Connections['s3'];
before(async () => {
  [kafka, s3] = [await sharedService('kafka'), await sharedService('s3')];
});

/** The processes of one test: a topic, a folder of the bucket, and a stream of lines of its own. */
class Fleet {
  readonly #name: string;
  readonly #lines: Iterator<SimulatedLine>;
  readonly truth = new Truth();
  readonly dataDirs: Record<string, string> = {};

  constructor(name: string, count: number) {
    this.#name = name;
    const eventsPerSecond = count / 3600;
    const startMs = startBefore(testNow(), count, eventsPerSecond);
    const rates = { malformed: 0.01, duplicate: 0.02 };
    this.#lines = stream({ seed, count, startMs, eventsPerSecond, rates })[Symbol.iterator]();
  }

  /** Starts, or starts again, the process of that name. */
  start(name: string, roles: string): Promise<Product> {
    this.dataDirs[name] ??= temporaryDir();
    return startProduct({
      dataDir: this.dataDirs[name],
      args: ['--roles', roles],
      config: this.config(),
    });
  }

  config(): object {
    return {
      log: {
        kind: 'kafka',
        ...kafka,
        topic: ownName(`roles-${this.#name}`),
        session_timeout_seconds: SESSION_SECONDS,
      },
      archive: { kind: 's3', ...s3, prefix: this.#name },
      batch: { archive_every_ms: 500, metrics_every_ms: 500 },
    };
  }

  /** Sends batches, one after the other to each of the collectors in turn. */
  async send(collectors: Product[], batches: number): Promise<void> {
    for (let batch = 0; batch < batches; batch++) {
      const lines = Array.from({ length: BATCH_LINES }, () => this.#lines.next().value as SimulatedLine);
      for (const line of lines) this.truth.add(line);
      const body = Buffer.concat(lines.flatMap(({ line }) => [Buffer.from(line), Buffer.from('\n')]));
      const answer = await collectors[batch % collectors.length]!.send(body);
      assert.equal(answer.status, 200, answer.text);
    }
  }

  /** Waits until all is archived and measured; then everything must equal what was sent. */
  async assertExact(measurer: Product): Promise<void> {
    const { lines, events, excluded, duplicates, bad } = this.truth.summary();
    await until(
      async () => {
        const now = await measurer.ledger();
        const inFlight = now.archive.in_flight + now.metrics.in_flight;
        return now.received === lines && inFlight === 0 && now.dirty_windows === 0;
      },
      'all is archived and measured',
      SETTLED_MS_MAX,
    ).catch(async (error) => {
      throw new Error(`${error.message}: ${JSON.stringify(await measurer.ledger())} of ${lines}`);
    });
    const ledger: Ledger = await measurer.ledger();
    assert.deepEqual(
      { archive: ledger.archive, metrics: ledger.metrics, balanced: ledger.balanced },
      {
        archive: { events: events + excluded + duplicates, bad_rows: bad, in_flight: 0 },
        metrics: { counted: events, duplicate: duplicates, excluded, bad, in_flight: 0 },
        balanced: true,
      },
    );
    const diff = await measurer.request<RebuildResult>('POST', '/v1/admin/rebuild?diff=true', {
      timeoutMs: 120_000,
    });
    assert.equal(diff.json.differences, 0, diff.text);
    assert.ok(diff.json.windows > 0);
    for (const [table, rows] of [
      ['events', events + excluded + duplicates],
      ['bad_rows', bad],
    ] as const)
      assert.deepEqual(await this.#places(table), { rows, places: rows }, table);
  }

  /** What Polars finds in the table: its rows, and how many places in the log they have. */
  async #places(table: string): Promise<{ rows: number; places: number }> {
    const script = `
import polars, json
rows = polars.scan_delta('s3://${s3.bucket}/${this.#name}/${table}').select('log_partition', 'log_offset', 'log_line').collect()
print(json.dumps({'rows': rows.height, 'places': rows.n_unique()}))`;
    const { stdout } = await promisify(execFile)(python(), ['-c', script], {
      env: {
        ...process.env,
        AWS_ENDPOINT_URL: s3.endpoint,
        AWS_ALLOW_HTTP: 'true',
        AWS_REGION: 'us-east-1',
        AWS_ACCESS_KEY_ID: s3.access_key_id,
        AWS_SECRET_ACCESS_KEY: s3.secret_access_key,
      },
    });
    return JSON.parse(stdout);
  }
}

/** The partitions that an archive writer has, from its log. */
function partitionsOf(product: Product): number[] {
  const found = [...product.output().matchAll(/"partitions":\[([\d,]*)\],"msg":"kafka: these/g)].at(-1)?.[1];
  return (found ?? '').split(',').filter(Boolean).map(Number);
}

/** Waits until the writers have all four partitions among them. */
const shared = (...writers: Product[]) =>
  until(
    () =>
      writers
        .flatMap(partitionsOf)
        .sort((a, b) => a - b)
        .join() === '0,1,2,3',
    'the partitions are shared',
    60_000,
  );

describe('Processes that share the work', () => {
  it('collect, archive and measure what the truth says, each its part', async () => {
    const fleet = new Fleet('shared', 20_000);
    const collectors = [await fleet.start('c1', 'collect'), await fleet.start('c2', 'collect')];
    const writers = [await fleet.start('w1', 'archive'), await fleet.start('w2', 'archive')];
    const measurer = await fleet.start('m', 'metrics,serve');
    await shared(...writers);
    assert.deepEqual(
      writers.map((writer) => partitionsOf(writer).length),
      [2, 2],
    );
    await fleet.send(collectors, 50);
    await fleet.assertExact(measurer);

    const [collector] = collectors;
    assert.ok(
      !existsSync(join(collector!.dataDir, 'kafka-log', 'books.json')),
      'who only collects does not read the topic',
    );
    for (const [product, path, status] of [
      [collector!, '/v1/metrics/traffic?window=1d', 421],
      [collector!, '/v1/ledger', 421],
      [collector!, '/', 404],
      [writers[0]!, '/v1/metrics/traffic?window=1d', 421],
      [measurer, '/v1/metrics/traffic?window=1d', 200],
      [measurer, '/', 200],
    ] as const)
      assert.equal((await product.request('GET', path)).status, status, path);
    const refused = await measurer.send('{}');
    assert.equal(refused.status, 421);
    assert.match(
      refused.json.error!.message,
      /has the roles metrics, serve; send the request to one with the role collect/,
    );
    for (const product of [...collectors, ...writers, measurer]) assert.equal(await product.stop(), 0);
  });

  it('show their roles, and an address of the dashboard only where there is one', async () => {
    const config = configFile(new Fleet('shown', 0).config());
    for (const [roles, hasPage] of [
      ['collect', false],
      ['metrics,serve', true],
    ] as const) {
      const dataDir = temporaryDir();
      const common = ['--data', dataDir, '--config', config];
      const up = await cli(['up', '--background', '--roles', roles, ...common], { timeoutMs: 180_000 });
      assert.equal(up.code, 0, up.stderr);
      assert.equal(/Dashboard {2}http/.test(up.stdout), hasPage, up.stdout);
      assert.match(up.stdout, /http:\/\/127\.0\.0\.1:\d+/);
      const { stdout } = await cli(['status', '--data', dataDir]);
      assert.match(stdout, new RegExp(`^Roles: ${roles.replace(',', ', ')}$`, 'm'));
      assert.equal((await cli(['down', ...common], { timeoutMs: 180_000 })).code, 0);
    }
  });

  it('report lines that no process archives, until one does', async () => {
    const fleet = new Fleet('nobody', 4000);
    const collector = await fleet.start('c', 'collect');
    const measurer = await fleet.start('m', 'metrics,serve');
    const ready = async () => (await measurer.request<{ ready: boolean }>('GET', '/readyz')).json.ready;
    const lagGauge = async () => {
      const { text } = await measurer.request('GET', '/metrics');
      return Number(/^tillstream_lag_lines\{reader="archive"\} (\d+)$/m.exec(text)?.[1]);
    };
    assert.equal(await lagGauge(), 0);
    await fleet.send([collector], 10);
    await until(async () => (await lagGauge()) === 10 * BATCH_LINES, 'the lag of the archive to be shown');
    await until(async () => !(await ready()), 'the archive to be reported', 60_000);
    const { parts, lag } = await statusOf(measurer);
    assert.equal(lag.archive, 10 * BATCH_LINES);
    assert.equal(parts.archive!.state, 'waiting');
    assert.match(
      parts.archive!.message,
      new RegExp(`${10 * BATCH_LINES} lines wait to be archived, and no process archives them.*role archive`),
    );
    assert.equal(
      (await measurer.request('GET', '/metrics')).text.includes('tillstream_part_ready{part="archive"} 0'),
      true,
    );
    const writer = await fleet.start('w', 'archive');
    await fleet.assertExact(measurer);
    await until(ready, 'the archive to be ready again');
    assert.equal(await lagGauge(), 0);
    for (const product of [collector, writer, measurer]) assert.equal(await product.stop(), 0);
  });

  it('lose and double nothing when an archive writer hangs for longer than its session and then continues', async () => {
    const fleet = new Fleet('hangs', 40_000);
    const collector = await fleet.start('c', 'collect');
    const writers = [await fleet.start('w1', 'archive'), await fleet.start('w2', 'archive')];
    const measurer = await fleet.start('m', 'metrics,serve');
    await shared(...writers);
    const sending = fleet.send([collector], 120);
    await sleep(500);
    process.kill(writers[0]!.pid, 'SIGSTOP');
    await sending;
    await until(() => partitionsOf(writers[1]!).length === 4, 'the other one has taken over', 60_000);
    await fleet.assertExact(measurer);
    process.kill(writers[0]!.pid, 'SIGCONT');
    await fleet.send([collector], 40);
    await shared(...writers);
    await fleet.send([collector], 20);
    await fleet.assertExact(measurer);
  });

  it('lose and double nothing when each of them is killed under load, two at once too', async () => {
    const fleet = new Fleet('killed', 60_000);
    const collector = await fleet.start('c', 'collect');
    let writer = await fleet.start('w1', 'archive');
    let other = await fleet.start('w2', 'archive');
    let measurer = await fleet.start('m', 'metrics,serve');
    const under = async (kill: () => Promise<void>) => {
      const sending = fleet.send([collector], 40);
      await sleep(400);
      await kill();
      await sending;
    };
    await under(async () => {
      await writer.kill();
      writer = await fleet.start('w1', 'archive');
    });
    await under(async () => {
      await measurer.kill();
      measurer = await fleet.start('m', 'metrics,serve');
    });
    await under(async () => {
      await Promise.all([other.kill(), measurer.kill()]);
      [other, measurer] = await Promise.all([
        fleet.start('w2', 'archive'),
        fleet.start('m', 'metrics,serve'),
      ]);
    });
    await fleet.assertExact(measurer);
    await writer.stop();
    await other.stop();
  });
});
