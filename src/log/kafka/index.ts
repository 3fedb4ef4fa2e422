import { join } from 'node:path';
import { topicAddresses } from '../../kafka-client/config.ts';
import type { LogKind } from '../log-kind.ts';
import { kafkaLogConfigSchema } from './config.ts';

// The client of Kafka takes long to load.
export const kafkaLog: LogKind<typeof kafkaLogConfigSchema> = {
  schema: kafkaLogConfigSchema,
  isRemote: true,
  async open(config, { dataDir, ...context }) {
    const { openKafkaLog } = await import('./open-log.ts');
    return openKafkaLog({ config, dir: join(dataDir, 'kafka-log'), ...context });
  },
  check: async (config, logger) => (await import('./open-log.ts')).checkKafkaLog(config, logger),
  joinGroup: async (config, group, logger) =>
    (await import('./group.ts')).joinPartitionGroup({ config, group, logger }),
  addresses: topicAddresses,
};
