import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { cachedPySpark, fetchPySpark } from '../../tools/dev-services/spark.ts';
import { type ReadySparkConfig, SPARK_VERSION, type SparkConfig } from '../metrics/spark/index.ts';
import { UsageError } from '../telemetry/errors.ts';
import { reasonOf } from '../telemetry/system-error.ts';
import type { RuntimeConfig } from './runtime-config.ts';

const LOOK_MS_MAX = 20_000;

/**
 * The settings of Spark with a Python that has pyspark. Where there is none on this machine it is fetched once, into the cache.
 * Throws UsageError where that can't be.
 */
async function withPrograms(config: SparkConfig, say: (line: string) => void): Promise<ReadySparkConfig> {
  try {
    return (await foundPrograms(config)) ?? { ...config, python: (await fetchPySpark(say)).python };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new UsageError(
      `Spark can't be fetched: ${reasonOf(error)}\nOr set engine.python to a Python that has pyspark ${SPARK_VERSION}.`,
    );
  }
}

/** The same without fetching anything; null where something would have to be fetched. */
export async function foundPrograms(config: SparkConfig): Promise<ReadySparkConfig | null> {
  const python =
    config.python ?? ((await hasPySpark('python3')) ? 'python3' : (await cachedPySpark())?.python);
  return python === undefined ? null : { ...config, python };
}

async function hasPySpark(python: string): Promise<boolean> {
  const look = ['-c', 'import pyspark; print(pyspark.__version__)'];
  return promisify(execFile)(python, look, { timeout: LOOK_MS_MAX }).then(
    ({ stdout }) => stdout.trim() === SPARK_VERSION,
    () => false,
  );
}

/** The settings with the programs of an engine on a cluster, which are fetched where they are missing; `say` shows progress. */
export async function withEngine(
  runtime: RuntimeConfig,
  say: (line: string) => void,
): Promise<RuntimeConfig> {
  const { config, roles } = runtime;
  if (config.engine.kind !== 'spark' || !roles.has('measure')) return runtime;
  const engine = await withPrograms(config.engine, say);
  return { ...runtime, config: { ...config, engine } };
}
