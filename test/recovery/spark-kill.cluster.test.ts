/** Everything that takes part in metrics on a cluster is killed during load; what is counted must be the truth all the same. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { temporaryDir, until } from '../support/product.ts';
import { testSeed } from '../support/seed.ts';
import { startService, type TestService } from '../support/services.ts';
import { sparkPrograms } from '../support/spark.ts';
import {
  assertTruth,
  descendants,
  openSender,
  openSparkRig,
  processesWith,
  type RigOptions,
  type SparkRig,
  sendSlowly,
  shopLines,
} from '../support/spark-rig.ts';

const LINES = 4000;
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
    await assertTruth(rig, sent, WAIT_MS_MAX);
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
      await sendSlowly(rig, shopLines(LINES, testSeed(t)), () => kill(rig!));
      sent += LINES;
      await assertTruth(rig, sent, WAIT_MS_MAX);
    });
  }
});
