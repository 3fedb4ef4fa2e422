import { join } from 'node:path';
import { after } from 'node:test';
import { type ReadySparkConfig, sparkConfigSchema } from '../../src/metrics/spark/config.ts';
import { Spark } from '../../src/metrics/spark/spark.ts';
import { fetchPySpark } from '../../tools/dev-services/spark.ts';
import { quietLogger } from './kafka.ts';
import { temporaryDir } from './product.ts';

let python: Promise<string> | undefined;

/** Found once: a test may take Python out of PATH. */
export function sparkPython(): Promise<string> {
  python ??= fetchPySpark((line) => console.error(line)).then((found) => found.python);
  return python;
}

/** Settings of a Spark for tests, which needs little. */
export async function sparkConfig(settings: object = {}): Promise<ReadySparkConfig> {
  const python = await sparkPython();
  const config = sparkConfigSchema.parse({ master: 'local[2]', python, ...settings });
  return { ...config, python: config.python ?? python };
}

let shared: Promise<{ spark: Spark; dir: string }> | undefined;

/** One Spark for all tests of a file, as each start takes its time; and the folder of its results. */
export function sharedSpark(): Promise<{ spark: Spark; dir: string }> {
  shared ??= openShared();
  return shared;
}

async function openShared(): Promise<{ spark: Spark; dir: string }> {
  const dir = join(temporaryDir(), 'spark');
  const spark = await Spark.open({ config: await sparkConfig(), archive: null, dir, logger: quietLogger });
  spark.start();
  return { spark, dir };
}

after(async () => {
  await (await shared)?.spark.stop();
});
