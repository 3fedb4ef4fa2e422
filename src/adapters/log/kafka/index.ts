export { kafkaLogConfigSchema } from './config.ts';
export { joinPartitionGroup } from './group.ts';
export { openKafkaLog } from './log.ts';
export { RECORD_MARKS } from './origin.ts';
