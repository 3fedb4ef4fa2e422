/**
 * Metrics by Spark on this machine (local[*]), lines and CPU time: the whole catalogue from the archive into the state, with our
 * process; and a plain job in the same Spark that reads JSON from Kafka and counts by minute, type and device. Each is run once cold
 * and then in turn. Then what a step of few lines costs, and the old pipeline's pattern. All counts are checked against the simulator's.
 * Usage: node bench/spark.ts [LINES=1000000] [PAIRS=2] [SPARK_CONF=VALUE ...]
 */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { openLocalArchive } from '../src/archive/storage/local/local-archive.ts';
import { sumCounts } from '../src/log/offset.ts';
import { segmentLogConfigSchema } from '../src/log/segments/config.ts';
import { openSegmentLog } from '../src/log/segments/log.ts';
import { CATALOGUE } from '../src/metrics/catalogue.ts';
import { duckDbConfig } from '../src/metrics/duckdb/config.ts';
import { openDuckDb } from '../src/metrics/duckdb/open-duckdb.ts';
import { Spark } from '../src/metrics/spark/spark.ts';
import { externalLines } from '../test/support/external-lines.ts';
import { quietLogger } from '../test/support/kafka.ts';
import { sparkConfig } from '../test/support/spark.ts';
import { fetchJars } from '../tools/dev-services/maven.ts';
import { downServices, upServices } from '../tools/dev-services/services.ts';
import { cpuSeconds } from './cpu-seconds.ts';
import { fillTopic, shopLines } from './fill-topic.ts';

const [count = 1_000_000, pairs = 2] = process.argv.slice(2, 4).map(Number);
const conf = Object.fromEntries(process.argv.slice(4).map((each) => each.split(/=(.*)/s, 2)));
const [OLD_LINES, OLD_WARM_UP] = [60, 10];
const [STEPS, STEP_LINES] = [10, 1000];
const CONNECTOR = 'org.apache.spark:spark-sql-kafka-0-10_2.13:4.2.0';
/** Of what the connector is published with, Spark itself has the rest. */
const CONNECTOR_JARS = /^(spark-sql-kafka-|spark-token-provider-kafka-|kafka-clients-|commons-pool2-)/;
const env = { ...process.env, SPARK_LOCAL_IP: '127.0.0.1', TILLSTREAM_PORT: '0', NODE_NO_WARNINGS: '1' };
const dir = mkdtempSync(join(tmpdir(), 'tillstream-bench-'));
const say = (line: string) => console.error(line);
const { lines, truth } = shopLines(count);
const { events, excluded, duplicates, bad } = truth.summary();

interface Measured {
  seconds: number;
  /** CPU seconds of all its processes. */
  cpu: number;
}

/** The archive with all lines, as a user makes it; gives the id of its log. */
async function fillArchive(data: string): Promise<string> {
  const file = join(dir, 'lines.ndjson');
  writeFileSync(file, '');
  for (let at = 0; at < lines.length; at += 10_000)
    writeFileSync(file, `${lines.slice(at, at + 10_000).join('\n')}\n`, { flag: 'a' });
  await promisify(execFile)(
    process.execPath,
    [join(import.meta.dirname, '..', 'src', 'main.ts'), 'load', file, '--data', data],
    { env },
  );
  const config = segmentLogConfigSchema.parse({});
  const log = await openSegmentLog({
    dir: join(data, 'log'),
    config,
    readers: [],
    now: Date.now,
    program: 'bench',
  });
  await log.close();
  return log.id;
}

/** Aggregates all of the archive but for the last lines, and merges them; then those, a step at a time. */
async function ownRun(spark: Spark, results: string, archiveDir: string, logId: string) {
  const state = mkdtempSync(join(dir, 'state-'));
  const duckdb = await openDuckDb({
    dir: state,
    archiveDirs: [archiveDir, results],
    catalogue: CATALOGUE,
    timeZone: 'UTC',
    validateExternal: externalLines(),
    logId,
    config: duckDbConfig.parse({}),
    now: Date.now,
    aggregator: spark,
  });
  const { parquet, archived, engine } = duckdb;
  const archive = await openLocalArchive(archiveDir, { parquet, logId, now: Date.now });
  const end = archive.position(0);
  const steps = [end - STEPS * STEP_LINES];
  while (steps.at(-1)! < end) steps.push(steps.at(-1)! + STEP_LINES);
  const measured: Measured[] = [];
  for (const to of steps) {
    const [from, cpuFrom] = [performance.now(), cpuSeconds(process.pid)];
    const ranges = [{ partition: 0, start: engine.position(0), end: to }];
    const batch = { ...(await archived.read(archive, ranges)), ranges, lost: {} };
    await engine.apply(batch);
    await archived.release(batch);
    measured.push({ seconds: (performance.now() - from) / 1000, cpu: cpuSeconds(process.pid) - cpuFrom });
  }
  const { counted, duplicate } = engine.ledger();
  // Some bad lines are bad for a time in the future, which is over.
  const slack = bad / 4;
  assert.ok(
    Math.abs(sumCounts(counted) + sumCounts(duplicate) - events - duplicates) <= slack,
    'all is counted',
  );
  await duckdb.close();
  rmSync(state, { recursive: true });
  const [all, ...few] = measured as [Measured, ...Measured[]];
  const last = few.slice(-5);
  const step = {
    seconds: last.reduce((sum, { seconds }) => sum + seconds, 0) / last.length,
    cpu: last.reduce((sum, { cpu }) => sum + cpu, 0) / last.length,
  };
  return { all, step };
}

async function startPlain(python: string, brokers: string[]) {
  const jars = await fetchJars('spark-kafka', 'the Kafka connector of Spark', [CONNECTOR], say);
  const files = readdirSync(jars).filter((jar) => CONNECTOR_JARS.test(jar));
  const script = join(import.meta.dirname, 'peer-spark-kafka.py');
  const args = [script, brokers.join(','), files.map((jar) => join(jars, jar)).join(',')];
  const said = join(dir, 'plain.log');
  const child = spawn(python, args, { env, stdio: ['pipe', 'pipe', openSync(said, 'w')] });
  const answers = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  await answers.next();
  return {
    async run(topic: string): Promise<Measured> {
      const cpuFrom = cpuSeconds(child.pid!);
      child.stdin!.write(`${topic}\n`);
      const { value } = await answers.next();
      assert.ok(value, `the plain job ended: ${readFileSync(said, 'utf8').slice(-4000)}`);
      const answer = JSON.parse(value) as { seconds: number; events: number };
      // It takes only the usual forms of timestamps, and knows nothing of bots.
      const known = events + excluded + duplicates;
      assert.ok(Math.abs(answer.events - known) < count * 0.1, `it counted ${answer.events}`);
      return { seconds: answer.seconds, cpu: cpuSeconds(child.pid!) - cpuFrom };
    },
    stop: () => child.kill(),
  };
}

/** The old pipeline's pattern, on a few lines; lines per second. */
async function oldPattern(python: string): Promise<number> {
  const file = join(dir, 'messages.ndjson');
  const good = lines.filter((line) => line.startsWith('{') && line.endsWith('}')).slice(0, OLD_LINES);
  writeFileSync(file, good.map((line) => `${line}\n`).join(''));
  const args = [join(import.meta.dirname, 'peer-old-spark.py'), file];
  const { stdout } = await promisify(execFile)(python, args, { env });
  const { messages, seconds } = JSON.parse(stdout) as { messages: number; seconds: number };
  assert.equal(messages, good.length - OLD_WARM_UP);
  return messages / seconds;
}

const text = ({ seconds, cpu }: Measured) =>
  `${Math.round(count / seconds)} lines/s (${((cpu / count) * 1e6).toFixed(1)} CPU s per million)`;
const ratios: number[] = [];
try {
  const { brokers } = (await upServices(dir, ['kafka'], { say })).kafka!;
  await fillTopic(brokers, 'events', 'events', lines);
  const data = join(dir, 'data');
  const logId = await fillArchive(data);
  const config = await sparkConfig({ master: 'local[*]', conf });
  const [archiveDir, sparkDir] = [join(data, 'archive'), join(dir, 'spark')];
  const archive = { url: `file:${archiveDir}`, isLocal: true };
  const spark = await Spark.open({ config, archive, dir: sparkDir, logger: quietLogger });
  const plain = await startPlain(config.python, brokers);
  spark.start();
  try {
    while (spark.status().state !== 'ready') await new Promise((resolve) => setTimeout(resolve, 100));
    for (let pair = 0; pair <= pairs; pair++) {
      const other = await plain.run('events');
      const { all, step } = await ownRun(spark, sparkDir, archiveDir, logId);
      const ratio = other.seconds / all.seconds;
      if (pair > 0) ratios.push(ratio);
      const which = pair === 0 ? 'cold' : `pair ${pair}`;
      console.log(
        `${which}: plain job ${text(other)}, tillstream ${text(all)}, ratio ${ratio.toFixed(2)}; ` +
          `a step of ${STEP_LINES} lines ${step.seconds.toFixed(2)} s, ${step.cpu.toFixed(2)} CPU s`,
      );
    }
  } finally {
    plain.stop();
    await spark.stop();
  }
  console.log(
    `old pattern, a DataFrame for each message: ${(await oldPattern(config.python)).toFixed(1)} lines/s`,
  );
  ratios.sort((a, b) => a - b);
  console.log(JSON.stringify({ scenario: 'spark', lines: count, ratio_median: ratios[ratios.length >> 1] }));
} finally {
  await downServices(dir, ['kafka'], { removeData: true, say });
  rmSync(dir, { recursive: true, force: true });
}
