export { type InfluxConfig, influxConfigSchema } from './config.ts';
export type { MetricSchema } from './layout.ts';
export { InfluxSink } from './sink.ts';
