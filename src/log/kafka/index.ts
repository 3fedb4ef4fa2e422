export { kafkaLogConfigSchema } from './config.ts';
export { joinPartitionGroup } from './group.ts';
export { checkKafkaLog, openKafkaLog } from './open-log.ts';
