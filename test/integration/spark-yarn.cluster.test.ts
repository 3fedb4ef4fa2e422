/** Metrics computed by Spark on YARN, with its state on HDFS: real servers, a real driver, and one that is killed. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { sumCounts } from '../../src/domain/offset.ts';
import { downServices, upServices } from '../../src/services/services.ts';
import { fetchPySpark } from '../../src/services/spark.ts';
import { temporaryDir, until } from '../support/product.ts';
import { testSeed } from '../support/seed.ts';
import { sparkPrograms } from '../support/spark.ts';
import { openSparkRig, type SparkRig, shopLines } from '../support/spark-rig.ts';

const NAMES = ['kafka', 'hdfs', 'yarn'] as const;
const WAIT_MS_MAX = 400_000;
const say = (line: string) => console.error(line);

describe('Spark on YARN', () => {
  const services = temporaryDir();
  let rig: SparkRig | undefined;
  after(async () => {
    await rig?.close();
    await downServices(services, [...NAMES].reverse(), { removeData: true, say });
  });

  it('counts every line once, also when its driver was killed', async (t) => {
    const { kafka, yarn } = await upServices(services, NAMES, { say });
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
    const { engine, archive } = rig;
    const lines = shopLines(3000, testSeed(t));
    await rig.send(lines.slice(0, 1500));
    await until(() => rig!.isSettled(), 'the first lines to be counted', WAIT_MS_MAX);
    await rig.send(lines.slice(1500));
    process.kill(engine.driverPid!, 'SIGKILL');
    await until(() => rig!.isSettled(), 'all lines to be counted', WAIT_MS_MAX);
    const { counted, duplicate, bad } = engine.ledger();
    assert.equal(sumCounts(counted) + sumCounts(duplicate) + sumCounts(bad), lines.length);
    const { differences, examples } = await engine.rebuild(archive, null, true);
    assert.equal(differences, 0, `the archive gives other rows: ${JSON.stringify(examples.slice(0, 3))}`);
  });
});
