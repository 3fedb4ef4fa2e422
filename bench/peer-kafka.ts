/**
 * What the bare client library consumes of a topic, from its start: every record counted, nothing done with it.
 * Usage: node bench/peer-kafka.ts BROKER TOPIC RECORDS
 */
import { Consumer } from '@platformatic/kafka';

const [broker, topic, records] = process.argv.slice(2);
const consumer = new Consumer({
  clientId: 'peer',
  groupId: `peer-${process.pid}`,
  bootstrapBrokers: [broker!],
  autocommit: false,
});
const stream = await consumer.consume({
  topics: [topic!],
  mode: 'earliest',
  autocommit: false,
  maxBytes: 8 * 1024 * 1024,
  maxWaitTime: 100,
});
let [count, bytes, firstMs] = [0, 0, 0];
for await (const { value } of stream) {
  firstMs ||= performance.now();
  bytes += value.length;
  if (++count === Number(records)) break;
}
console.log(JSON.stringify({ records: count, bytes, seconds: (performance.now() - firstMs) / 1000 }));
process.exit();
