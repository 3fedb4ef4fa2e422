/** Lines larger than the topic takes, on real brokers: bad rows, never refused for ever. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { BAD_MARK } from '../../src/event/fields.ts';
import { Ingestor } from '../../src/ingest/ingestor.ts';
import type { EventLog } from '../../src/log/event-log.ts';
import { createTopic, linesOf, newAdmin, openLog, readAllBatches } from '../support/kafka.ts';
import { temporaryDir } from '../support/product.ts';
import { ownName, sharedService } from '../support/services.ts';

let brokers: string[];
before(async () => {
  brokers = (await sharedService('kafka')).brokers;
});

const ingestorTo = (log: EventLog) =>
  new Ingestor({
    log,
    settings: { time_zone: 'UTC' },
    lineBytesMax: 1024 * 1024,
    now: () => Date.UTC(2026, 10, 28),
  });
const eventOf = (n: number, bytes: number) =>
  `{"timestamp":"2026-11-27T10:00:00Z","event_type":"search","session_id":"s${n % 7}","event_id":"e${n}","x":"${'x'.repeat(bytes)}"}`;

async function limitTo(topic: string, bytes: number): Promise<void> {
  const admin = newAdmin(brokers);
  await admin.incrementalAlterConfigs({
    resources: [
      {
        resourceType: 2,
        resourceName: topic,
        configs: [{ name: 'max.message.bytes', configOperation: 0, value: String(bytes) }],
      },
    ],
    validateOnly: false,
  } as never);
  await admin.close();
}

test('lines above the limit of the topic are bad rows, also when it is lowered while the log is open', async () => {
  for (const records of ['events', 'blocks']) {
    const topic = ownName(`large-${records}`);
    await createTopic(brokers, topic, { partitions: 3, configs: { 'max.message.bytes': '60000' } });
    const log = await openLog(brokers, temporaryDir(), { topic, records, compression: 'none' });
    try {
      const ingest = (lines: string[]) => ingestorTo(log).ingest('http', Buffer.from(lines.join('\n')));
      const first = await ingest([eventOf(1, 10), eventOf(2, 70_000), eventOf(3, 45_000)]);
      assert.deepEqual([first.accepted, first.reasons], [2, { line_too_long: 1 }]);

      await limitTo(topic, 20_000);
      const lines = Array.from({ length: 60 }, (_, n) => eventOf(100 + n, n % 10 === 0 ? 30_000 : 500));
      await ingest(lines);
      const later = await ingest(lines.map((line) => line.replace('"e1', '"f1')));
      assert.deepEqual([later.accepted, later.reasons], [54, { line_too_long: 6 }]);

      const all = linesOf(await readAllBatches(log));
      assert.equal(all.length, 3 + 60 + 60, 'each line once');
      assert.equal(all.filter((line) => line.includes(BAD_MARK)).length, 1 + 6 + 6);
      assert.equal(
        new Set(all.flatMap((line) => /"event_id":"([ef]\d+)"/.exec(line)?.[1] ?? [])).size,
        2 + 54 + 54,
      );
    } finally {
      await log.close();
    }
  }
});

test('a topic with a tiny record limit is refused, with the limit and the solution', async () => {
  await createTopic(brokers, ownName('tiny'), { configs: { 'max.message.bytes': '2000' } });
  await assert.rejects(
    openLog(brokers, temporaryDir(), { topic: ownName('tiny') }),
    /more than 2000 bytes \(max\.message\.bytes\)/,
  );
});
