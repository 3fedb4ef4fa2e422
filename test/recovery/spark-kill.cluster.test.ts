/** Everything that takes part in metrics on a cluster is killed during load; what is counted must be the truth all the same. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { sumCounts } from '../../src/domain/offset.ts';
import { temporaryDir, until } from '../support/product.ts';
import { testSeed } from '../support/seed.ts';
import { startService, type TestService } from '../support/services.ts';
import { sparkPrograms } from '../support/spark.ts';
import {
  descendants,
  openSender,
  openSparkRig,
  processesWith,
  type RigOptions,
  type SparkRig,
  shopLines,
} from '../support/spark-rig.ts';

const LINES = 4000;
const CHUNK = 100;
const WAIT_MS_MAX = 300_000;
const CHILD = fileURLToPath(new URL('../support/spark-child.ts', import.meta.url));

describe('Spark: kill -9 during load', () => {
  let kafka: TestService<'kafka'>;
  let spark: TestService<'spark'>;
  let options: RigOptions;
  let rig: SparkRig | undefined;
  let sent = 0;

  before(async () => {
    const programs = await sparkPrograms();
    kafka = await startService('kafka');
    spark = await startService('spark');
    const { brokers } = kafka.info;
    const { master } = spark.info;
    options = { dir: temporaryDir(), programs, brokers, topic: 'killed', master, timeZone: 'Europe/Berlin' };
  });
  after(() => rig?.close());

  const assertTruth = async ({ engine, archive, pipeline, isSettled }: SparkRig) => {
    await until(isSettled, 'all of it to be counted', WAIT_MS_MAX);
    const { counted, duplicate, bad } = engine.ledger();
    assert.equal(
      sumCounts(counted) + sumCounts(duplicate) + sumCounts(bad),
      sent,
      'each line is counted once',
    );
    assert.ok(pipeline.ledger().balanced, 'the ledger balances');
    assert.ok(sumCounts(duplicate) > 0 && sumCounts(bad) > 0, 'there is something of all');
    const { windows, differences, examples } = await engine.rebuild(archive, null, true);
    assert.equal(differences, 0, `the archive gives other rows: ${JSON.stringify(examples.slice(0, 3))}`);
    assert.ok(windows > 0);
  };

  it('our own process: the driver ends by itself, and the next process goes on', async (t) => {
    const sender = await openSender(options);
    const lines = shopLines(LINES, testSeed(t));
    await sender.send(lines.slice(0, LINES / 2));
    const child = spawn(process.execPath, [CHILD, JSON.stringify(options)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let driver = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      const told = JSON.parse(line) as { driver: number; counted: number };
      driver = told.driver;
      if (told.counted > 0) break;
    }
    await sender.send(lines.slice(LINES / 2));
    sent += lines.length;
    await sleep(1000);
    child.kill('SIGKILL');
    await until(
      () => !processesWith('driver.py', options.dir).includes(driver),
      'the end of the driver',
      60_000,
    );
    await sender.close();
    rig = await openSparkRig(options);
    await assertTruth(rig);
  });

  const victims: Record<string, (rig: SparkRig) => Promise<void> | void> = {
    'the Python of the driver': ({ engine }) => void process.kill(engine.driverPid!, 'SIGKILL'),
    'the JVM of the driver': ({ engine }) => {
      const [jvm] = descendants(engine.driverPid!, 'org.apache.spark');
      process.kill(jvm!, 'SIGKILL');
    },
    'the executor': () => {
      const [worker] = processesWith('deploy.worker.Worker', spark.info.master);
      const executors = descendants(worker!, 'CoarseGrainedExecutorBackend');
      assert.ok(executors.length > 0, 'there is an executor');
      for (const pid of executors) process.kill(pid, 'SIGKILL');
    },
    'the worker': async () => {
      await spark.kill('SIGKILL', 'worker');
      await spark.restart();
    },
    'the broker': async () => {
      await kafka.kill('SIGKILL');
      await kafka.restart();
    },
  };
  for (const [victim, kill] of Object.entries(victims)) {
    it(victim, async (t) => {
      assert.ok(rig, 'the test before has opened it');
      await until(() => rig!.engine.status().state === 'ready', 'Spark to run', WAIT_MS_MAX);
      const lines = shopLines(LINES, testSeed(t));
      for (let at = 0; at < lines.length; at += CHUNK) {
        await rig.send(lines.slice(at, at + CHUNK));
        if (at === LINES / 2) await kill(rig);
        await sleep(20);
      }
      sent += lines.length;
      await assertTruth(rig);
    });
  }
});
