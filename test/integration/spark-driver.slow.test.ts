/** deploy/spark/driver.py by itself: what it says and obeys, with a small job that has nothing of the metrics. */
import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { DriverEvent } from '../../src/adapters/engine/spark/driver-process.ts';
import { type BatchJob, DRIVER, type Job } from '../../src/adapters/engine/spark/job.ts';
import { createTopic, openLog, produce } from '../support/kafka.ts';
import { temporaryDir, until } from '../support/product.ts';
import { startService } from '../support/services.ts';
import { type SparkPrograms, sparkPrograms, testJob } from '../support/spark.ts';

const SECRET = 'not-to-be-printed';
const WAIT_MS_MAX = 90_000;

describe('the driver of Spark', () => {
  let programs: SparkPrograms;
  let brokers: string[];
  let topics = 0;
  before(async () => {
    programs = await sparkPrograms();
    brokers = (await startService('kafka')).info.brokers;
  });

  /** A job that copies a topic to another. */
  async function copyJob(
    configs: Record<string, string> = {},
  ): Promise<{ job: Job; topic: string; copy: string; dir: string }> {
    const [topic, copy] = [`driver-${++topics}`, `driver-${topics}-copy`];
    for (const each of [topic, copy]) await createTopic(brokers, each, { configs });
    const dir = temporaryDir();
    const base = testJob({
      programs,
      master: 'local[1]',
      brokers,
      topic,
      pointsTopic: copy,
      timeZone: 'UTC',
      dir,
    });
    const { trigger: _trigger, ...rest } = base;
    const views = [{ name: 'copied', sql: 'SELECT key, value FROM records' }];
    const conf = { ...rest.conf, 'spark.tillstream.test': SECRET };
    return { job: { ...rest, conf, views }, topic, copy, dir };
  }

  const records = (...values: string[]) => values.map((value) => ({ value, partition: 0 }));

  async function valuesOf(topic: string): Promise<string[]> {
    const log = await openLog(brokers, temporaryDir(), { topic });
    const { start, end } = log.partitions()[0]!;
    const batches = end > start ? await log.read(0, start, { linesMax: 1000, bytesMax: 1 << 20 }) : [];
    await log.close();
    return batches.flatMap(({ bytes }) => bytes.toString().trim().split('\n'));
  }

  it('tells what it does, and ends after what the topic has when told to drain; again from its checkpoint', async () => {
    const { job, topic, copy, dir } = await copyJob();
    await produce(brokers, topic, records('{"a":1}', '{"a":2}'));
    const first = new Driver(programs, job, dir);
    await first.said('started');
    first.tell('what is this');
    await produce(brokers, topic, records('{"a":3}'));
    first.tell('drain');
    assert.equal(await first.exit, 0, first.stderr);
    const names = first.events.map(({ event }) => event);
    assert.deepEqual(names.slice(0, 3), ['begun', 'session', 'started']);
    assert.ok(names.includes('end'));
    assert.equal(first.rows(), 3);
    assert.deepEqual(await valuesOf(copy), ['{"a":1}', '{"a":2}', '{"a":3}']);

    await produce(brokers, topic, records('{"a":4}'));
    const second = new Driver(programs, job, dir);
    second.tell('drain');
    assert.equal(await second.exit, 0, second.stderr);
    assert.equal((await valuesOf(copy)).length, 4, 'goes on where the first one ended');
    for (const { output, stderr } of [first, second]) assert.ok(!(output + stderr).includes(SECRET));
  });

  it('knows an id for a day after its last receipt, in any step, and forgets it afterwards', async () => {
    const { job, topic, copy, dir } = await copyJob({
      'message.timestamp.type': 'CreateTime',
      'retention.ms': '-1',
    });
    const id = 'CAST(value AS STRING)';
    const receipts = `SELECT pmod(hash(${id}), 4) AS bucket, ${id} AS id, unix_micros(timestamp) AS received_us, partition, offset, 0 AS line,
      ${id} AS text FROM records`;
    const told = `SELECT text AS key, concat(text, CASE WHEN duplicate THEN ' again' ELSE '' END) AS value FROM receipts`;
    const views = [
      { name: 'receipts', sql: receipts, receipts: true as const },
      { name: 'told', sql: told },
    ];
    const conf = { ...job.conf, 'spark.sql.streaming.stateStore.rocksdb.trackTotalNumberOfRows': 'true' };
    const driver = new Driver(programs, { ...job, conf, views, buckets: 4 }, dir);
    await driver.said('started');
    const startMs = Date.UTC(2026, 5, 1);
    let produced = 0;
    const step = async (hours: number, ...ids: string[]) => {
      const timestampMs = startMs + hours * 3_600_000;
      await produce(
        brokers,
        topic,
        ids.map((value) => ({ value, partition: 0, timestampMs })),
      );
      produced += ids.length;
      await until(() => driver.rows() === produced, `${produced} rows`, WAIT_MS_MAX);
    };
    const many = Array.from({ length: 100 }, (_, index) => `id-${index}`);
    await step(0, 'a', 'b', 'a', '#c', '#c', ...many);
    assert.ok(driver.stateRows() > 100, `${driver.stateRows()} rows of state`);
    await step(23, 'a');
    await step(46, 'a', 'b');
    await step(120, 'd');
    await step(121, 'e');
    // Of d and e, and each bucket has a timer in two tables and the time of it.
    assert.ok(driver.stateRows() <= 2 + 3 * 4, `${driver.stateRows()} rows of state`);
    await step(121, 'a', 'e');
    driver.tell('drain');
    assert.equal(await driver.exit, 0, driver.stderr);
    const found = (await valuesOf(copy)).filter((value) => !value.startsWith('id-')).sort();
    const expected = ['#c', '#c', 'a', 'a', 'a again', 'a again', 'a again', 'b', 'b', 'd', 'e', 'e again'];
    assert.deepEqual(found, expected);
  });

  it('computes batches beside the query, and says what was wrong with one', async () => {
    const { job, dir } = await copyJob();
    const driver = new Driver(programs, job, dir);
    const batch = (sql: string): BatchJob => ({
      conf: { 'spark.sql.session.timeZone': 'Asia/Kolkata' },
      tables: { nothing: { schema: 'n INT', files: [] } },
      views: [{ name: 'numbers', sql }],
      output: join(dir, 'numbers.txt'),
    });
    const compute = async (name: string, content: BatchJob | string) => {
      const file = join(dir, name);
      writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
      driver.tell(`compute ${file}`);
      return (await driver.said('computed', (event) => event.job === file)).error;
    };
    await driver.said('started');
    const zone = 'SELECT concat(id, current_timezone()) FROM range(3) UNION ALL SELECT n FROM nothing';
    assert.equal(await compute('good.json', batch(zone)), null);
    const lines = readFileSync(join(dir, 'numbers.txt'), 'utf8').trim().split('\n');
    assert.deepEqual(lines.sort(), ['0Asia/Kolkata', '1Asia/Kolkata', '2Asia/Kolkata']);
    assert.match((await compute('bad.json', batch('SELECT nonsense FROM nothing'))) ?? '', /nonsense/);
    const absent = {
      ...batch('SELECT n FROM t'),
      tables: { t: { schema: 'n INT', files: ['file:///no/such'] } },
    };
    assert.match((await compute('absent.json', absent)) ?? '', /no\/such/);
    assert.match((await compute('broken.json', '{')) ?? '', /./);
    // The query still runs, and ends with whoever started it.
    driver.endInput();
    assert.equal(await driver.exit, 0, driver.stderr);
  });

  it('ends with 1 and says why on stderr when the job is wrong', async () => {
    const { job, dir } = await copyJob();
    const wrong = new Driver(
      programs,
      { ...job, views: [{ name: 'x', sql: 'SELECT nonsense FROM records' }] },
      dir,
    );
    assert.equal(await wrong.exit, 1);
    assert.match(wrong.stderr, /nonsense/);
    assert.ok(!wrong.events.some(({ event }) => event === 'started'));
  });
});

class Driver {
  readonly events: DriverEvent[] = [];
  output = '';
  stderr = '';
  readonly exit: Promise<number | null>;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;

  constructor(programs: SparkPrograms, job: Job, dir: string) {
    mkdirSync(dir, { recursive: true });
    const file = join(dir, 'job.json');
    writeFileSync(file, JSON.stringify({ ...job, checkpoint: pathToFileURL(join(dir, 'checkpoint')).href }));
    this.#child = spawn(programs.python, [DRIVER, file], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, SPARK_LOCAL_IP: '127.0.0.1', PYTHONDONTWRITEBYTECODE: '1' },
    });
    this.#child.stdin.on('error', () => {});
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr = (this.stderr + text).slice(-20_000);
    });
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      this.output += `${line}\n`;
      this.events.push(JSON.parse(line) as DriverEvent);
    });
    this.exit = new Promise((resolve) => this.#child.once('close', resolve));
  }

  #progress() {
    return this.events.flatMap((event) => (event.event === 'progress' ? event.progress : []));
  }

  /** Records that it has computed. */
  rows(): number {
    return this.#progress().reduce((sum, { numInputRows }) => sum + numInputRows, 0);
  }

  /** Rows in the state after the last step, where that is told. */
  stateRows(): number {
    const [state] = this.#progress().at(-1)!.stateOperators as unknown as { numRowsTotal: number }[];
    return state!.numRowsTotal;
  }

  tell(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  endInput(): void {
    this.#child.stdin.end();
  }

  async said<Name extends DriverEvent['event']>(
    name: Name,
    like: (event: Extract<DriverEvent, { event: Name }>) => boolean = () => true,
  ): Promise<Extract<DriverEvent, { event: Name }>> {
    const find = () =>
      this.events.find(
        (event): event is Extract<DriverEvent, { event: Name }> =>
          event.event === name && like(event as Extract<DriverEvent, { event: Name }>),
      );
    await until(
      () => find() !== undefined,
      `the driver to say ${name}: ${this.stderr.slice(-2000)}`,
      WAIT_MS_MAX,
    );
    return find()!;
  }
}
