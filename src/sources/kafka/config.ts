import { z } from 'zod';
import { kafkaConnectionOptions } from '../../kafka-client/config.ts';

/** Options of a `kind: kafka` source. */
export const kafkaSourceOptionsSchema = z.strictObject({
  ...kafkaConnectionOptions,
  topic: kafkaConnectionOptions.topic
    .unwrap()
    .describe('Topic to read: JSON events, one per record, or several as an array or as lines.'),
  start: z
    .enum(['earliest', 'latest'])
    .default('earliest')
    .describe(
      'Where to begin in a partition that was never read: at its first record, or after its last one.',
    ),
  name: z
    .string()
    .regex(/^[a-z0-9_-]{1,32}$/)
    .default('kafka')
    .describe('Name of the source in the ledger.'),
});

export type KafkaSourceOptions = z.infer<typeof kafkaSourceOptionsSchema>;
