import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import type { EventLog } from '../../src/log/event-log.ts';
import { kafkaLogConfigSchema } from '../../src/log/kafka/config.ts';
import { openKafkaLog } from '../../src/log/kafka/open-log.ts';
import type { Connections } from '../../tools/dev-services/server.ts';
import { testNow } from '../support/clock.ts';
import { quietLogger } from '../support/kafka.ts';
import { ownName, sharedService, startService } from '../support/services.ts';
import { isThorough } from '../support/thorough.ts';
import { eventLogContract } from './event-log.ts';

/** Each log has a topic and a folder of its own. */
function contractOn(
  servers: string,
  start: () => Promise<Connections['kafka']>,
  cases: { partitions: number; records: 'events' | 'blocks' }[],
): void {
  describe(servers, () => {
    let brokers: string[];
    before(async () => {
      brokers = (await start()).brokers;
    });
    for (const [index, { partitions, records }] of cases.entries()) {
      const places = new Map<string, { topic: string; dir: string }>();
      let count = 0;
      const openAt = async (place: { topic: string; dir: string }): Promise<EventLog> => {
        const config = kafkaLogConfigSchema.parse({
          brokers,
          topic: place.topic,
          partitions,
          records,
        });
        const log = await openKafkaLog({
          config,
          dir: place.dir,
          readers: ['archive', 'metrics'],
          now: testNow,
          logger: quietLogger,
          program: 'test',
        });
        places.set(log.id, place);
        return log;
      };
      after(async () => {
        for (const { dir } of places.values()) await rm(dir, { recursive: true, force: true });
      });
      eventLogContract({
        name: `Kafka, ${partitions} partition(s), records: ${records}`,
        open: async () =>
          openAt({
            topic: ownName(`contract-${index}-${count++}`),
            dir: await mkdtemp(join(tmpdir(), 'tillstream-kafka-log-')),
          }),
        reopen: (closed) => openAt(places.get(closed.id)!),
      });
    }
  });
}

contractOn('1 broker', () => sharedService('kafka'), [
  { partitions: 1, records: 'events' },
  { partitions: 4, records: 'events' },
  { partitions: 1, records: 'blocks' },
  { partitions: 4, records: 'blocks' },
]);
// What three brokers do that one does not is tried where one of them is killed: test/recovery/kafka-log.slow.test.ts.
if (isThorough)
  contractOn('3 brokers', async () => (await startService('kafka', { brokers: 3 })).info, [
    { partitions: 4, records: 'events' },
  ]);
