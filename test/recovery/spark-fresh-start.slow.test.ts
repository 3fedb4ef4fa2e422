/** A metric is changed when the log's first lines are gone: Spark begins anew, and the rest comes from the archive. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { JUDGED_HEADER, SOURCE_HEADER } from '../../src/adapters/log/kafka/origin.ts';
import { type SimulatedLine, stream } from '../../src/adapters/source/simulator/index.ts';
import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import type { Metric } from '../../src/metrics/definition.ts';
import { Door } from '../../src/pipeline/door.ts';
import { createTopic, newAdmin, produce } from '../support/kafka.ts';
import { temporaryDir } from '../support/product.ts';
import { testSeed } from '../support/seed.ts';
import { startService } from '../support/services.ts';
import { sparkPrograms } from '../support/spark.ts';
import { assertTruth, openSparkRig, type RigOptions, type SparkRig } from '../support/spark-rig.ts';

const LINES = 2400;
const HOUR_MS = 3_600_000;
const SPAN_MS = 84 * HOUR_MS;
const PARTITIONS = 3;
const WAIT_MS_MAX = 180_000;
const RATES = { late: 0.05, veryLate: 0.005, duplicate: 0.05, malformed: 0.03, refund: 0.2 };

/** The catalogue with one more value in one metric. */
const CHANGED: readonly Metric[] = CATALOGUE.map((metric) =>
  metric.name === 'traffic'
    ? {
        ...metric,
        values: {
          ...metric.values,
          units: { kind: 'sum', of: 'quantity', type: 'integer', description: 'Units.' },
        },
      }
    : metric,
);

describe('Spark: a fresh start on a log whose first lines are gone', () => {
  let options: RigOptions;
  let brokers: readonly string[];
  let rig: SparkRig;
  let isOpen = false;
  let lines: SimulatedLine[];
  let sent = 0;
  /** Offset at which each partition has its first line of an hour, by hours since the first line. */
  const offsets: number[][] = Array.from({ length: PARTITIONS }, () => []);
  const ends = Array<number>(PARTITIONS).fill(0);

  before(async () => {
    const programs = await sparkPrograms();
    brokers = (await startService('kafka')).info.brokers;
    const topic = 'fresh-start';
    options = {
      dir: temporaryDir(),
      programs,
      brokers,
      topic,
      master: 'local[2]',
      timeZone: 'Europe/Berlin',
    };
    // Days of the past: the lines have the times that they are given.
    await createTopic(brokers, topic, {
      partitions: PARTITIONS,
      configs: { 'message.timestamp.type': 'CreateTime', 'retention.ms': '-1' },
    });
  });
  after(() => close());

  const open = async (catalogue: readonly Metric[]) => {
    rig = await openSparkRig({ ...options, catalogue });
    isOpen = true;
  };
  /** Also one that a failed test has left. */
  const close = async () => {
    if (isOpen) await rig.close();
    isOpen = false;
  };

  /** Writes lines as the door would have, all of an hour at its end. */
  const write = async (from: number, to: number) => {
    const door = new Door({
      log: null as never,
      timeZone: options.timeZone,
      lineBytesMax: 65_536,
      now: Date.now,
    });
    const startMs = lines[0]!.receivedAtMs;
    for (let hour = from; hour < to; hour++) {
      const timestampMs = startMs + (hour + 1) * HOUR_MS;
      for (const [partition, of] of offsets.entries()) of[hour] = ends[partition]!;
      const due = lines.filter(({ receivedAtMs: ms }) => Math.floor((ms - startMs) / HOUR_MS) === hour);
      if (due.length === 0) continue;
      const { bytes } = door.check(
        Buffer.concat(due.flatMap(({ line }) => [Buffer.from(line), Buffer.from('\n')])),
      );
      const values = Buffer.concat(bytes).toString('utf8').trimEnd().split('\n');
      assert.equal(values.length, due.length);
      const headers = { [SOURCE_HEADER]: 'simulator', [JUDGED_HEADER]: '1' };
      await produce(
        brokers,
        options.topic,
        values.map((value, n) => ({ value, partition: (hour + n) % PARTITIONS, timestampMs, headers })),
      );
      for (const n of values.keys()) ends[(hour + n) % PARTITIONS]!++;
      sent += values.length;
    }
  };

  const deleteBefore = async (until: number[]) => {
    const admin = newAdmin(brokers);
    const partitions = until.map((offset, partition) => ({ partition, offset: BigInt(offset) }));
    await admin.deleteRecords({ topics: [{ name: options.topic, partitions }] });
    await admin.close();
  };

  const checkpoints = () => readdirSync(join(options.dir, 'metrics-spark', 'spark', 'checkpoint'));

  /** The ledger, by another way than the metrics. */
  const assertDuplicates = async () => {
    const query = { metric: 'quality', window: '1d', fromMs: 0, toMs: Date.UTC(2200, 0, 1) } as const;
    const { rows } = await rig.engine.store.query(query);
    const duplicates = rows
      .filter(({ reason }) => reason === 'duplicate')
      .reduce((sum, row) => sum + Number(row.rows), 0);
    assert.equal(rig.engine.ledger().duplicate.simulator, duplicates);
  };

  it('the log is whole: all of it is computed by Spark', async (t) => {
    const eventsPerSecond = LINES / (SPAN_MS / 1000);
    const simulated = {
      seed: testSeed(t),
      startMs: Date.now() - SPAN_MS - HOUR_MS,
      eventsPerSecond,
      rates: RATES,
    };
    lines = [...stream({ ...simulated, endMs: simulated.startMs + SPAN_MS })];
    await write(0, 60);
    await open(CATALOGUE);
    await assertTruth(rig, sent, WAIT_MS_MAX);
    await assertDuplicates();
  });

  it('a metric is changed: a new checkpoint, and the archive gives what the log no longer has', async () => {
    const [old] = checkpoints();
    await close();
    // Not all of them begin at the same time.
    await deleteBefore(offsets.map((of, partition) => of[22 + 3 * partition]!));
    await open(CHANGED);
    assert.match(rig.engine.message, /other definitions/);
    await assertTruth(rig, sent, WAIT_MS_MAX);
    await assertDuplicates();
    const names = checkpoints();
    assert.ok(names.length === 1 && names[0] !== old, `the old checkpoint is gone: ${names}`);
  });

  it('lines that come later are taken in, also those that repeat what is gone', async () => {
    // Received again a day after it was deleted, and within a day after it was received.
    const startMs = lines[0]!.receivedAtMs;
    const gone = lines.filter(
      ({ kind, receivedAtMs: ms }) =>
        kind === 'event' && ms > startMs + 15 * HOUR_MS && ms < startMs + 21 * HOUR_MS,
    );
    lines.push(...gone.slice(0, 20).map((line) => ({ ...line, receivedAtMs: startMs + 70.5 * HOUR_MS })));
    await write(60, 76);
    await assertTruth(rig, sent, WAIT_MS_MAX);
    await assertDuplicates();
  });

  it('the next start goes on from the new checkpoint', async () => {
    const names = checkpoints();
    await close();
    await open(CHANGED);
    assert.equal(rig.engine.message, '');
    await write(76, 84);
    await assertTruth(rig, sent, WAIT_MS_MAX);
    await assertDuplicates();
    assert.deepEqual(checkpoints(), names);
  });

  it('it is changed back, when a partition has no line left', async () => {
    await close();
    await deleteBefore([offsets[0]![80]!, ends[1]!, ends[2]!]);
    await open(CATALOGUE);
    await assertTruth(rig, sent, WAIT_MS_MAX);
    await rig.send(lines.slice(0, 200).map(({ line }) => line));
    sent += 200;
    await assertTruth(rig, sent, WAIT_MS_MAX);
    await assertDuplicates();
  });
});
