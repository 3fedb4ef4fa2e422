import type { SinkKind } from '../sink-kind.ts';
import { influxConfigSchema } from './config.ts';
import { influxOfEnvironment } from './environment.ts';

export const influxdbSink: SinkKind<typeof influxConfigSchema> = {
  schema: influxConfigSchema,
  fromEnvironment: influxOfEnvironment,
  async create(config, { metrics, stateFile, logger, now }) {
    const { InfluxSink } = await import('./sink.ts');
    const { metricSchemaOf } = await import('./metric-schema.ts');
    const schemas = metrics.map(metricSchemaOf);
    return new InfluxSink({ config, schemas, tagsFile: stateFile('tag-values.json'), logger, now });
  },
  afterRebuild:
    'InfluxDB gets the points that the rebuild changed, and keeps points of rows that no longer exist. If rows were deleted from the ' +
    'archive, set a new bucket: it is filled from the start',
};
