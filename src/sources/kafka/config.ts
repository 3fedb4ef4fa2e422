import { z } from 'zod';
import { kafkaConnectionOptions } from '../../kafka-client/config.ts';

/** Options of a `kind: kafka` source. */
export const kafkaSourceOptionsSchema = z.strictObject({
  ...kafkaConnectionOptions,
  topic: kafkaConnectionOptions.topic
    .unwrap()
    .describe(
      'Topic whose records come in: JSON events, one in each record, or several as an array or a line each.',
    ),
  start: z
    .enum(['earliest', 'latest'])
    .default('earliest')
    .describe(
      'Where to begin with a partition that was never read: at its first record, or behind its last one.',
    ),
  name: z
    .string()
    .regex(/^[a-z0-9_-]{1,32}$/)
    .default('kafka')
    .describe('Name of the source in the ledger.'),
});

export type KafkaSourceOptions = z.infer<typeof kafkaSourceOptionsSchema>;
