import { Random } from '../../tools/simulator/random.ts';
import type { EngineName } from '../support/engines.ts';
import { type AllRows, type Delivery, MetricsHarness } from '../support/metrics-harness.ts';

export interface Golden {
  engine: EngineName;
  timeZone: string;
  deliveries: readonly Delivery[];
  /** Of the log; default: one. */
  partitions?: number;
}

/** One way to carry the deliveries to the metrics; whatever the way, the rows must be the same. */
type Way = (harness: MetricsHarness, deliveries: readonly Delivery[], random: Random) => Promise<void>;

/**
 * All lines first, then batches of `linesMax`. A backlog of weeks in one batch is what an engine gets that was away.
 */
const inBatchesOf =
  (linesMax: number): Way =>
  async (harness, deliveries) => {
    await harness.deliver(...deliveries);
    await harness.waitUntilIdle(linesMax);
  };

/** Each delivery is measured when it has come, as in a shop with few customers. */
const asTheyCome: Way = async (harness, deliveries) => {
  for (const delivery of deliveries) {
    await harness.deliver(delivery);
    await harness.waitUntilIdle();
  }
};

/** Random steps: a few deliveries, a few lines archived, a few measured, windows recomputed; then `between`. */
const atRandom =
  (between: (harness: MetricsHarness, random: Random) => Promise<void>): Way =>
  async (harness, deliveries, random) => {
    const left = [...deliveries];
    while (left.length > 0) {
      await harness.deliver(...left.splice(0, random.integer(1, Math.ceil(deliveries.length / 2))));
      for (let step = 0; step < 4; step++) {
        const linesMax = random.integer(1, 12) ** 2;
        const draw = random.next();
        if (draw < 0.4) await harness.archiveSome(linesMax);
        else if (draw < 0.8) await harness.measureSome(linesMax);
        else await harness.engine.recompute(harness.archive);
      }
      await between(harness, random);
    }
    await harness.waitUntilIdle(lastBatches(deliveries, random));
  };

/** Lines of a batch at the end: any number, but for many lines no more than 50 batches, which would take minutes. */
const lastBatches = (deliveries: readonly Delivery[], random: Random) =>
  Math.ceil(deliveries.reduce((sum, { lines }) => sum + lines.length, 0) / 50) + random.integer(0, 1000);

/** The metrics are those of a process that takes the commits of the archive. */
const fromTheArchive: Way = async (harness, deliveries, random) => {
  const left = [...deliveries];
  while (left.length > 0) {
    await harness.deliver(...left.splice(0, random.integer(1, Math.ceil(deliveries.length / 2))));
    for (let step = 0; step < 4; step++) {
      const linesMax = random.integer(1, 12) ** 2;
      if (random.chance(0.5)) await harness.archiveSome(linesMax);
      else await harness.measureArchived(linesMax);
    }
    if (random.chance(0.3)) await harness.crash();
  }
  while (await harness.archiveSome(lastBatches(deliveries, random)));
  while (await harness.measureArchived(lastBatches(deliveries, random)));
  await harness.waitUntilIdle();
};

/** Lines of one delivery in another order: they were received at the same time, so nothing may depend on it. */
const shuffled: Way = async (harness, deliveries, random) => {
  for (const { lines, ...delivery } of deliveries) {
    const order = lines.map((line) => ({ line, key: random.next() })).sort((a, b) => a.key - b.key);
    await harness.deliver({ ...delivery, lines: order.map(({ line }) => line) });
  }
  await harness.waitUntilIdle();
};

export const WAYS: Record<string, Way> = {
  'straight through': inBatchesOf(1_000_000),
  'in batches of 1': inBatchesOf(1),
  'in batches of 7': inBatchesOf(7),
  'in batches of 1000': inBatchesOf(1000),
  'as the lines come': asTheyCome,
  'stopped and started again': atRandom((harness) => harness.reopen()),
  'crashed and started again': atRandom((harness) => harness.crash()),
  'state lost and filled from the archive': atRandom((harness, random) =>
    random.chance(0.5) ? harness.loseState() : harness.reopen(),
  ),
  'from the archive': fromTheArchive,
  'in another order': shuffled,
};

/** The rows after going one way; checks the ledger and that the archive gives the same. */
export async function rowsAfter(way: string, golden: Golden, seed: number): Promise<AllRows> {
  const { deliveries, ...options } = golden;
  const harness = await MetricsHarness.open(options);
  try {
    await WAYS[way]!(harness, deliveries, new Random(seed));
    await harness.assertSound();
    return await harness.rows();
  } finally {
    await harness.close();
  }
}
