import { topicAddresses } from '../../kafka-client/config.ts';
import type { SourceKind } from '../source.ts';
import { kafkaSourceOptionsSchema } from './config.ts';

export const kafkaSource: SourceKind<typeof kafkaSourceOptionsSchema> = {
  schema: kafkaSourceOptionsSchema,
  reads: ({ topic }) => topic,
  // Its client takes long to load.
  create: async (options, context) => (await import('./kafka-source.ts')).createKafkaSource(options, context),
  addresses: topicAddresses,
};
