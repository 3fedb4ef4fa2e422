import { kafkaSourceOptionsSchema } from '../../src/sources/kafka/config.ts';
import { createKafkaSource } from '../../src/sources/kafka/kafka-source.ts';
import type { SourceContext } from '../../src/sources/source.ts';
import { createTopic, produce } from '../support/kafka.ts';
import { ownName, sharedService } from '../support/services.ts';
import { sourceContract } from './source.ts';

const TUNING = { backoffBaseMs: 20, backoffCapMs: 200 };

let brokers: string[];
let topics = 0;

sourceContract({
  kind: 'kafka',
  async setUp() {
    brokers = (await sharedService('kafka')).brokers;
  },
  async open() {
    const topic = ownName(`source-${topics++}`);
    await createTopic(brokers, topic);
    const source = (options: object, context: SourceContext) =>
      createKafkaSource(kafkaSourceOptionsSchema.parse({ brokers, topic, ...options }), context, TUNING);
    return {
      add: (lines) =>
        produce(
          brokers,
          topic,
          lines.map((value) => ({ value, partition: 0 })),
        ),
      source: (context) => source({}, context),
      lostSource: (context) => source({ topic: `${topic}-missing`, request_timeout_seconds: 2 }, context),
      async close() {},
    };
  },
});
