export { sparkConfigSchema } from './config.ts';
export { SparkEngine } from './engine.ts';
