export { checkSpark } from './check.ts';
export {
  type ReadySparkConfig,
  SPARK_VERSION,
  type SparkConfig,
  sparkConfigSchema,
  unusedSettings,
} from './config.ts';

export { placesOf } from './driver-session.ts';
export { Spark } from './spark.ts';
