/** Kinds of event logs: one line each. */
export { kafkaLog as kafka } from '../../log/kafka/index.ts';
export { segmentLog as segments } from '../../log/segments/index.ts';
