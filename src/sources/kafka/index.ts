export { kafkaSourceOptionsSchema } from './config.ts';
export { createKafkaSource } from './kafka-source.ts';
