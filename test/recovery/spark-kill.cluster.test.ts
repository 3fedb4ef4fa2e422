/**
 * Parts of a cluster of Spark, and of Kafka, are killed during load; what is counted must be the truth all the same.
 * It takes minutes: after each kill a driver and its executors start again.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { descendants, processesWith } from '../support/processes.ts';
import { temporaryDir, until } from '../support/product.ts';
import { testSeed } from '../support/seed.ts';
import { startService, type TestService } from '../support/services.ts';
import { shopLines } from '../support/shop-lines.ts';
import { assertTruth, openSparkRig, type SparkRig, sendSlowly } from '../support/spark-rig.ts';

const LINES = 4000;
const WAIT_MS_MAX = 300_000;

describe('Spark: kill -9 during load', () => {
  let kafka: TestService<'kafka'>;
  let spark: TestService<'spark'>;
  let rig: SparkRig;
  let sent = 0;

  before(async () => {
    kafka = await startService('kafka');
    spark = await startService('spark');
    const { brokers } = kafka.info;
    rig = await openSparkRig({
      dir: temporaryDir(),
      timeZone: 'Europe/Berlin',
      config: { master: spark.info.master },
      kafka: { brokers, topic: 'killed' },
    });
  });
  after(() => rig?.close());

  const victims: Record<string, () => Promise<void> | void> = {
    'the driver': () => void process.kill(rig.spark.driverPid!, 'SIGKILL'),
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
      await until(() => rig.spark.status().state === 'ready', 'Spark to run', WAIT_MS_MAX);
      await sendSlowly(rig, shopLines(LINES, testSeed(t)), kill);
      sent += LINES;
      await assertTruth(rig, sent, WAIT_MS_MAX);
    });
  }
});
