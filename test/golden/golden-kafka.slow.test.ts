/** The golden inputs as records of a real Kafka topic, validated by ingest: the rows are those of the embedded log. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { Ingestor } from '../../src/ingest/ingestor.ts';
import { openMemoryLog } from '../../src/log/memory/log.ts';
import { canonicalJson } from '../support/compare-rows.ts';
import { createTopic, openLog, produce } from '../support/kafka.ts';
import { type AllRows, MetricsHarness } from '../support/metrics-harness.ts';
import { temporaryDir } from '../support/product.ts';
import { ownName, sharedService } from '../support/services.ts';
import { deliveriesOf, GOLDEN, readGolden } from './golden-runs.ts';

describe('golden runs through Kafka', () => {
  let brokers: string[];
  before(async () => {
    brokers = (await sharedService('kafka')).brokers;
  });

  for (const [name, timeZone] of Object.entries(GOLDEN)) {
    it(name, async () => {
      const topic = ownName(name);
      await createTopic(brokers, topic, {
        configs: { 'message.timestamp.type': 'CreateTime', 'retention.ms': '-1' },
      });
      let nowMs = 0;
      const now = () => nowMs;
      const ingestor = new Ingestor({
        log: openMemoryLog({ now }),
        settings: { time_zone: timeZone },
        lineBytesMax: 1 << 20,
        now,
      });
      for (const { atMs, lines, source = 'http' } of deliveriesOf(readGolden(name))) {
        nowMs = atMs;
        const stored = Buffer.concat(
          ingestor.validate('test', Buffer.from(lines.join('\n'))).bytes,
        ).toString();
        const records = stored.split('\n').filter(Boolean);
        await produce(
          brokers,
          topic,
          records.map((value) => ({ value, timestampMs: atMs, headers: { source }, partition: 0 })),
        );
      }
      const log = await openLog(brokers, temporaryDir(), { topic });
      const harness = await MetricsHarness.open({ engine: 'duckdb', timeZone, log });
      try {
        await harness.waitUntilIdle();
        await harness.assertSound();
        const rows = JSON.parse(readFileSync(join(import.meta.dirname, `${name}.rows.json`), 'utf8'));
        assert.equal(canonicalJson(await harness.rows()), canonicalJson(rows as AllRows));
      } finally {
        await harness.close();
        await log.close();
      }
    });
  }
});
