import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { UsageError } from '../../telemetry/errors.ts';
import { reasonOf } from '../../telemetry/system-error.ts';
import { type ReadySparkConfig, SPARK_VERSION, type SparkConfig } from './config.ts';

const LOOK_MS_MAX = 20_000;

/** Where a Python with pyspark comes from that is not on this machine. */
export interface SparkPrograms {
  /** The path of the one that was fetched before; undefined where none was. */
  cached(): Promise<string | undefined>;
  /** Fetches one; `say` shows progress. */
  fetch(say: (line: string) => void): Promise<string>;
}

/**
 * The settings with a Python that has pyspark. Where there is none on this machine it is fetched once. Throws UsageError where that can't be.
 */
export async function withPrograms(
  config: SparkConfig,
  programs: SparkPrograms,
  say: (line: string) => void,
): Promise<ReadySparkConfig> {
  try {
    return (await foundPrograms(config, programs)) ?? { ...config, python: await programs.fetch(say) };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new UsageError(
      `Spark can't be fetched: ${reasonOf(error)}\nOr set engine.python to a Python that has pyspark ${SPARK_VERSION}.`,
    );
  }
}

/** The same without fetching anything; null where something would have to be fetched. */
export async function foundPrograms(
  config: SparkConfig,
  programs: SparkPrograms,
): Promise<ReadySparkConfig | null> {
  const python = config.python ?? ((await hasPySpark('python3')) ? 'python3' : await programs.cached());
  return python === undefined ? null : { ...config, python };
}

async function hasPySpark(python: string): Promise<boolean> {
  const look = ['-c', 'import pyspark; print(pyspark.__version__)'];
  return promisify(execFile)(python, look, { timeout: LOOK_MS_MAX }).then(
    ({ stdout }) => stdout.trim() === SPARK_VERSION,
    () => false,
  );
}
