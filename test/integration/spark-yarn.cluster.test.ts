/**
 * Metrics computed by Spark on YARN of an archive on HDFS: real servers, a real driver, and all of it is killed.
 * It takes minutes: after each kill the servers, or a driver with its executors, start again.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { WebHdfs } from '../../src/archive/storage/hdfs/webhdfs.ts';
import { REMOTE_LIMITS } from '../../src/archive/storage/remote.ts';
import { downServices, statusOfServices, upServices } from '../../tools/dev-services/services.ts';
import { processesWith } from '../support/processes.ts';
import { temporaryDir, until } from '../support/product.ts';
import { testSeed } from '../support/seed.ts';
import { shopLines } from '../support/shop-lines.ts';
import { assertTruth, openSparkRig, type SparkRig, sendSlowly } from '../support/spark-rig.ts';

const NAMES = ['hdfs', 'yarn'] as const;
const LINES = 3000;
const WAIT_MS_MAX = 180_000;
const say = (line: string) => console.error(line);

describe('Spark on YARN', () => {
  const services = temporaryDir();
  let rig: SparkRig | undefined;
  let sent = 0;
  const up = () => upServices(services, NAMES, { say });

  before(async () => {
    const { hdfs, yarn } = await up();
    killNodeManager();
    rig = await openSparkRig({
      dir: temporaryDir(),
      timeZone: 'Europe/Berlin',
      config: yarn!,
      archive: { kind: 'hdfs', ...hdfs, path: '/ecommerce', user: 'tillstream' },
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
    const waits = () => /YARN to give it resources/.test(rig!.spark.status().message);
    await until(waits, 'the status to tell', WAIT_MS_MAX);
    await up();
    await sendSlowly(rig, shopLines(LINES, testSeed(t)));
    sent += LINES;
    await assertTruth(rig, sent, WAIT_MS_MAX);
  });

  it('leaves nothing of its results on HDFS', async () => {
    const { hdfs } = await up();
    const client = new WebHdfs({ url: hdfs!.url, user: 'tillstream', limits: REMOTE_LIMITS });
    const files = await client.list('/ecommerce/_aggregates');
    assert.deepEqual(files, []);
  });

  const victims: Record<string, () => Promise<void> | void> = {
    'the driver': () => void process.kill(rig!.spark.driverPid!, 'SIGKILL'),
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
      await until(() => rig!.spark.status().state === 'ready', 'Spark to run', WAIT_MS_MAX);
      await sendSlowly(rig, shopLines(LINES, testSeed(t)), kill);
      sent += LINES;
      await assertTruth(rig, sent, WAIT_MS_MAX);
    });
  }
});
