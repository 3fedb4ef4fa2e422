/** Kinds of sources besides http, which is the server itself: one line each. */
export { kafkaSource as kafka } from '../../sources/kafka/index.ts';
export { pollSource as poll } from '../../sources/poll/index.ts';
export { tailSource as tail } from '../../sources/tail/index.ts';
