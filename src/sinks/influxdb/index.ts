export { type InfluxConfig, influxConfigSchema } from './config.ts';
export type { MetricShape } from './layout.ts';
export { InfluxSink } from './sink.ts';
