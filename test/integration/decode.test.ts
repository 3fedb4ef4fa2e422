/** What is decided about a row once: the archive says it, the metrics follow it, whatever is killed or lost in between. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { OffsetRange } from '../../src/decode/batch.ts';
import type { LogBatch } from '../../src/log/event-log.ts';
import { sumCounts } from '../../src/log/offset.ts';
import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import { duckDbConfig } from '../../src/metrics/duckdb/config.ts';
import { openDuckDb } from '../../src/metrics/duckdb/open-duckdb.ts';
import type { ArchiveReader } from '../../src/metrics/engine.ts';
import { Random } from '../../tools/simulator/random.ts';
import { ArchiveRig } from '../support/archive-rig.ts';
import { archivedRows, flagsOf } from '../support/archived-rows.ts';
import { assertRows } from '../support/compare-rows.ts';
import { batchOf } from '../support/decode-lines.ts';
import { externalLines } from '../support/external-lines.ts';
import { MetricsHarness } from '../support/metrics-harness.ts';
import { temporaryDir } from '../support/product.ts';
import {
  type ReferenceFlags,
  type ReferenceLine,
  referenceFlags,
  referenceRows,
} from '../support/reference-metrics.ts';
import { testSeed } from '../support/seed.ts';
import { isThorough } from '../support/thorough.ts';

const START_MS = Date.UTC(2026, 2, 1);
const HOUR_MS = 3_600_000;
const MONEY = 10_000n;
const SOURCES = ['http', 'poll', 'load'];

/** A line as it is sent, and what it means. */
interface Sent {
  line: string;
  event: Extract<ReferenceLine, { event: unknown }>['event'];
}

/** Few ids, orders and amounts, so that most lines have been there before. */
function randomLine(random: Random, nowMs: number): Sent {
  const pick = <T>(values: readonly T[]) => values[random.integer(0, values.length - 1)]!;
  const eventType = pick(['view_product', 'checkout', 'purchase', 'purchase', 'refund']);
  const timeMs = random.chance(0.7) ? START_MS - pick([1, 2]) * HOUR_MS : nowMs - 60_000;
  const eventId = random.chance(0.7) ? `e${random.integer(1, 12)}` : null;
  const orderId = random.chance(0.6) ? `o${random.integer(1, 8)}` : null;
  const productId = random.chance(0.5) ? pick(['p1', 'p2']) : null;
  const productName = random.chance(0.3) ? pick(['Mug', 'Cup']) : null;
  const lineId = random.chance(0.2) ? pick(['l1', 'l2']) : null;
  const sign = eventType === 'refund' ? pick([1n, -1n]) : 1n;
  const amount = random.chance(0.7) ? pick([5n, 7n]) * MONEY * sign : null;
  const quantity = random.chance(0.3) ? pick([1, 2]) : null;
  const price = random.chance(0.3) ? 3n * MONEY : null;
  const decimal = (value: bigint | null) => (value === null ? null : String(value / MONEY));
  const line = JSON.stringify({
    timestamp: new Date(timeMs).toISOString(),
    event_type: eventType,
    event_id: eventId,
    order_id: orderId,
    line_id: lineId,
    product_id: productId,
    product_name: productName,
    amount: decimal(amount),
    quantity,
    price: decimal(price),
    currency: 'EUR',
  });
  const event = {
    ...{
      timeMs,
      eventType,
      eventId,
      orderId,
      productId,
      productName,
      lineId,
      amount,
      quantity,
      price,
      currency: 'EUR',
    },
    ...{ userId: null, sessionId: null, deviceType: null, responseTimeMs: null, statusCode: null },
  };
  return { line, event };
}

interface Decided {
  place: string;
  line: ReferenceLine;
  flags: ReferenceFlags | null;
}

/** Does what a deduplicator does, in plain loops: rows in the order in which they were decided, with what was decided of each. */
class Model {
  decided: Decided[] = [];
  /** What the log holds, by partition and offset. */
  readonly lines: ReferenceLine[][];

  constructor(partitions: number) {
    this.lines = Array.from({ length: partitions }, () => []);
  }

  decide(ranges: readonly OffsetRange[]): void {
    const known = new Set(this.decided.map(({ place }) => place));
    const rows = ranges.flatMap(({ partition, start, end }) =>
      this.lines[partition]!.slice(start, end).map((line, n) => ({ partition, offset: start + n, line })),
    );
    rows.sort(
      (a, b) => a.line.receivedAtMs - b.line.receivedAtMs || a.partition - b.partition || a.offset - b.offset,
    );
    const fresh = rows
      .map(({ partition, offset, line }) => ({ place: `${partition}-${offset}`, line }))
      .filter(({ place }) => !known.has(place));
    const all = [...this.decided, ...fresh].map(({ line }) => line);
    const flags = referenceFlags(all).slice(this.decided.length);
    this.decided.push(...fresh.map((row, n) => ({ ...row, flags: flags[n]! })));
  }

  /** Only what is archived is known. */
  forget(archived: (partition: number) => number): void {
    this.decided = this.decided.filter(({ place }) => {
      const [partition, offset] = place.split('-').map(Number) as [number, number];
      return offset < archived(partition);
    });
  }
}

// With one partition the golden runs do the same.
for (const partitions of isThorough ? [1, 3] : [3]) {
  describe(`decoding, partitions: ${partitions}`, () => {
    it('is done once: archive and metrics have what the rule gives, through repeats, cuts, kills and lost state', async (t) => {
      const random = new Random(testSeed(t));
      const harness = await MetricsHarness.open({
        engine: 'duckdb',
        timeZone: 'UTC',
        partitions,
        compactRowsMin: 40,
      });
      const model = new Model(partitions);
      harness.onDecided = ({ ranges }) => model.decide(ranges);
      try {
        let nowMs = START_MS;
        let sent: Sent[] = [];
        for (let round = 0; round < 8; round++) {
          for (let block = random.integer(1, 6); block > 0; block--) {
            nowMs += [0, 1, 60_000, 5 * HOUR_MS, 24 * HOUR_MS, 11 * 24 * HOUR_MS][random.integer(0, 5)]!;
            const repeated = sent.length > 0 && random.chance(0.4);
            if (!repeated)
              sent = Array.from({ length: random.integer(1, 9) }, () => randomLine(random, nowMs));
            const source = SOURCES[random.integer(0, SOURCES.length - 1)]!;
            const before = harness.log.partitions();
            await harness.deliver({ atMs: nowMs, source, lines: sent.map(({ line }) => line) });
            const at = harness.log.partitions().findIndex(({ end }, id) => end > before[id]!.end);
            const isHistory = source === 'load';
            for (const { event } of sent)
              model.lines[at]!.push({ event, source, receivedAtMs: nowMs, isHistory });
          }
          for (let step = random.integer(1, 5); step > 0; step--) {
            const linesMax = random.integer(1, 5) ** 2;
            const draw = random.next();
            if (draw < 0.4) await harness.archiveSome(linesMax);
            else if (draw < 0.8) await harness.measureSome(linesMax);
            // A kill after the decision, before anybody has it.
            else await harness.withBatch(harness.positionsOf(harness.archive), linesMax, async () => {});
            if (random.chance(0.15)) await harness.crash();
            if (random.chance(0.1)) {
              await harness.loseState();
              model.forget((partition) => harness.archive.position(partition));
            }
          }
        }
        await harness.waitUntilIdle(random.integer(1, 200));
        await harness.assertSound();
        assert.deepEqual(
          flagsOf(await archivedRows(harness.archive, join(harness.dir, 'archive'))),
          Object.fromEntries(model.decided.map(({ place, flags }) => [place, flags])),
        );
        const byReceipt = [...model.decided].sort((a, b) => a.line.receivedAtMs - b.line.receivedAtMs);
        const lines = byReceipt.map(({ line }) => line);
        const flags = byReceipt.map((row) => row.flags);
        assert.ok(flags.some((flag) => flag?.duplicate) && flags.some((flag) => flag?.newOrder === false));
        assertRows(await harness.rows(), referenceRows(lines, 'UTC', flags));
      } finally {
        await harness.close();
      }
    });
  });
}

describe('what a small batch costs', () => {
  it('is two statements of the deduplicator, and four where something repeats', async () => {
    const dir = temporaryDir();
    let statements: string[] = [];
    const duckdb = await openDuckDb({
      dir,
      archiveDirs: [],
      catalogue: CATALOGUE,
      timeZone: 'UTC',
      validateExternal: externalLines(),
      logId: 'log',
      config: duckDbConfig.parse({ threads: 1 }),
      now: () => START_MS,
      intercept: (sql, run) => {
        statements.push(sql);
        return run();
      },
    });
    const archive = { position: () => 0 } as Partial<ArchiveReader> as ArchiveReader;
    const decide = async (offset: number, id: string) => {
      const line = `{"timestamp":${START_MS},"event_type":"purchase","order_id":"${id}","amount":"1"}\n`;
      const batch: LogBatch = {
        ...{ partition: 0, firstOffset: offset, nextOffset: offset + 1, sharesOffset: false, lines: 1 },
        ...{ receivedAtMs: START_MS, source: 'http', bytes: Buffer.from(line), canonical: true },
      };
      const decoded = await duckdb.decoder.decode(() => [[batch]]);
      statements = [];
      await duckdb.deduplicator.decide(batchOf(decoded, offset, [batch]), archive, { 0: offset });
      const { length } = statements;
      await duckdb.decoder.release(decoded);
      return length;
    };
    try {
      await decide(0, 'first');
      assert.equal(await decide(1, 'a'), 2);
      assert.equal(await decide(2, 'a'), 4);
    } finally {
      await duckdb.close();
    }
  });
});

describe('a partition that another process had before', () => {
  it('is decided by what the archive has of it, also where it is given away while its first batch is decoded', async () => {
    const rig = await ArchiveRig.open(temporaryDir());
    const line = `{"timestamp":${START_MS},"event_type":"purchase","event_id":"a","amount":"1"}`;
    rig.nowMs = START_MS;
    await rig.receive([line]);
    const archive = await rig.openArchive();
    await rig.archive(archive, 10);
    const taker = await openDuckDb({
      dir: temporaryDir(),
      archiveDirs: [rig.archiveDir],
      catalogue: CATALOGUE,
      timeZone: 'UTC',
      validateExternal: externalLines(),
      logId: rig.log.id,
      config: duckDbConfig.parse({ threads: 1 }),
      now: () => START_MS,
    });
    try {
      await taker.engine.restore(archive);
      await rig.receive([line]);
      const batches = await rig.log.read(0, 1, { linesMax: 10, bytesMax: 1 << 20 });
      const decoded = await taker.decoder.decode(() => [batches]);
      const batch = batchOf(decoded, 1, batches);
      // It has no partition any more.
      await taker.deduplicator.decide(batch, archive, {});
      await taker.engine.apply(batch);
      await taker.decoder.release(decoded);
      assert.equal(sumCounts(taker.engine.ledger().duplicate), 1);
    } finally {
      await taker.close();
      await rig.close();
    }
  });
});
