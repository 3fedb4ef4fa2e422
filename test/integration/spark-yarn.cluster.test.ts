/** Metrics computed by Spark on YARN, with its state on HDFS: real servers, a real driver, and all of it is killed. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { downServices, statusOfServices, upServices } from '../../src/services/services.ts';
import { fetchPySpark } from '../../src/services/spark.ts';
import { temporaryDir, until } from '../support/product.ts';
import { testSeed } from '../support/seed.ts';
import { sparkPrograms } from '../support/spark.ts';
import {
  assertTruth,
  openSparkRig,
  processesWith,
  type SparkRig,
  sendSlowly,
  shopLines,
} from '../support/spark-rig.ts';

const NAMES = ['kafka', 'hdfs', 'yarn'] as const;
const LINES = 3000;
const WAIT_MS_MAX = 180_000;
const say = (line: string) => console.error(line);

describe('Spark on YARN', () => {
  const services = temporaryDir();
  let rig: SparkRig | undefined;
  let sent = 0;
  const up = () => upServices(services, NAMES, { say });

  before(async () => {
    const { kafka, yarn } = await up();
    killNodeManager();
    const { home } = await fetchPySpark(say);
    // All of it is on this machine, whose name nobody may know.
    process.env.SPARK_LOCAL_IP = '127.0.0.1';
    rig = await openSparkRig({
      dir: temporaryDir(),
      programs: await sparkPrograms(),
      brokers: kafka!.brokers,
      topic: 'on-yarn',
      master: 'yarn',
      timeZone: 'Europe/Berlin',
      config: {
        hadoop_conf_dir: yarn!.conf_dir,
        checkpoint: 'hdfs:///tillstream',
        executor_memory: '512m',
        executor_cores: 2,
        conf: {
          'spark.driver.host': '127.0.0.1',
          'spark.driver.bindAddress': '127.0.0.1',
          'spark.yarn.jars': `local:${home}/jars/*`,
          'spark.yarn.am.memory': '256m',
          'spark.yarn.am.memoryOverhead': '256m',
          'spark.executor.instances': '1',
          'spark.executorEnv.SPARK_LOCAL_IP': '127.0.0.1',
          'spark.yarn.appMasterEnv.SPARK_LOCAL_IP': '127.0.0.1',
        },
      },
    });
  });
  after(async () => {
    await rig?.close();
    await downServices(services, [...NAMES].reverse(), { removeData: true, say });
    await until(() => ofTest().length === 0, 'the end of all that YARN has started', 60_000);
  });

  /** What YARN starts has the folder of its log in its command line. */
  const ofTest = (...texts: string[]) => processesWith(services, ...texts);
  const killNodeManager = () => {
    const { processes } = statusOfServices(services, ['yarn']).yarn!;
    process.kill(processes.find(({ name }) => name === 'nodemanager')!.pid, 'SIGKILL');
  };

  it('says that it waits for resources, and counts every line once when YARN has some', async (t) => {
    assert.ok(rig);
    const waits = () => /YARN to give it resources/.test(rig!.engine.status().message);
    await until(waits, 'the status to tell', WAIT_MS_MAX);
    await up();
    await sendSlowly(rig, shopLines(LINES, testSeed(t)));
    sent += LINES;
    await assertTruth(rig, sent, WAIT_MS_MAX);
  });

  const victims: Record<string, () => Promise<void> | void> = {
    'the driver': () => void process.kill(rig!.engine.driverPid!, 'SIGKILL'),
    'an executor': () => {
      const executors = ofTest('CoarseGrainedExecutorBackend');
      assert.ok(executors.length > 0, 'there is an executor');
      for (const pid of executors) process.kill(pid, 'SIGKILL');
    },
    'the NodeManager': async () => {
      killNodeManager();
      await up();
    },
  };
  for (const [name, kill] of Object.entries(victims)) {
    it(`${name} is killed during load`, async (t) => {
      assert.ok(rig);
      await until(() => rig!.engine.status().state === 'ready', 'Spark to run', WAIT_MS_MAX);
      await sendSlowly(rig, shopLines(LINES, testSeed(t)), kill);
      sent += LINES;
      await assertTruth(rig, sent, WAIT_MS_MAX);
    });
  }
});
