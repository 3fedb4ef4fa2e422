/** `tillstream services up spark`: a real master and worker that compute. The first run fetches 500 MB. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { until } from '../support/product.ts';
import { startService } from '../support/services.ts';
import { sparkPrograms } from '../support/spark.ts';

const SUM = `
import sys
from pyspark.sql import SparkSession
spark = (SparkSession.builder.master(sys.argv[1]).config("spark.driver.host", "127.0.0.1")
  .config("spark.driver.bindAddress", "127.0.0.1").config("spark.ui.enabled", "false")
  .config("spark.executor.memory", "512m").getOrCreate())
print("sum", spark.version, spark.range(1000).selectExpr("sum(id)").first()[0])
`;

describe('services: spark', () => {
  it('computes, also after its worker was killed', async () => {
    const { python } = await sparkPrograms();
    const spark = await startService('spark');
    const sum = async () => {
      const child = spawn(python, ['-c', SUM, spark.info.master], {
        env: { ...process.env, SPARK_LOCAL_IP: '127.0.0.1' },
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      return (await text(child.stdout)).trim();
    };
    assert.equal(await sum(), 'sum 4.2.0 499500');
    await spark.kill('SIGKILL', 'worker');
    await spark.restart();
    await until(async () => (await sum()) === 'sum 4.2.0 499500', 'it to compute again', 120_000);
  });
});
