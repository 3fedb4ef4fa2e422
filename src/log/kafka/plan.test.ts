import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { committedBatches } from '../../kafka-client/record-batches.ts';
import type { LogBatch } from '../event-log.ts';
import { type PendingAppend, type PlannedBatch, type PlanOptions, planBatches } from './plan.ts';
import { KafkaRecordDecoder } from './record-decoder.ts';

function pending(source: string, lines: string[]): PendingAppend {
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  return { source, bytes, first: null, batchesLeft: 0, ends: new Map() };
}

/** What a reader gets of the batches of one partition, when they are stored one after the other. */
function stored(batches: readonly PlannedBatch[]): LogBatch[] {
  let next = 0;
  const records = batches.flatMap((batch) => {
    batch.baseOffset = next;
    const bytes = batch.writer.seal('none', 1000, { producerId: 1n, producerEpoch: 0, first: next });
    bytes.writeBigInt64BE(BigInt(next), 0);
    next += batch.writer.count;
    return committedBatches(bytes, 0, []).batches;
  });
  return new KafkaRecordDecoder(0, 65_536).decode(records, 0, () => 1000);
}

const options: PlanOptions = {
  records: 'events',
  partitions: 3,
  keylessPartition: 2,
  batchBytesMax: 100_000,
};

describe('planned batches', () => {
  for (const records of ['events', 'blocks'] as const) {
    it(`contain every line once, in order within its key, as ${records}`, () => {
      const line = fc
        .tuple(fc.integer({ min: 0, max: 5 }), fc.nat(2000))
        .map(([session, size]) => ({ session, size }));
      const appends = fc.array(fc.array(line, { minLength: 1, maxLength: 30 }), {
        minLength: 1,
        maxLength: 10,
      });
      fc.assert(
        fc.property(appends, fc.integer({ min: 3000, max: 50_000 }), (blocks, batchBytesMax) => {
          let id = 0;
          const all = blocks.map((block, n) =>
            pending(
              n % 2 ? 'http' : 'poll',
              block.map(({ session, size }) => {
                const key = session === 0 ? {} : { session_id: `s${session}` };
                return JSON.stringify({ id: id++, ...key, x: 'x'.repeat(size) });
              }),
            ),
          );
          const planned = planBatches(all, { ...options, records, batchBytesMax });
          const seen: { id: number; session_id?: string }[] = [];
          const partitions = new Map<string, number>();
          for (const batches of planned) {
            const { partition } = batches[0]!;
            for (const batch of stored(batches)) {
              assert.ok(batch.canonical);
              for (const text of batch.bytes.toString().trimEnd().split('\n')) {
                const event = JSON.parse(text);
                const key = event.session_id ?? '';
                assert.equal(partitions.get(key) ?? partition, partition);
                partitions.set(key, partition);
                seen.push(event);
              }
            }
          }
          assert.equal(partitions.get('') ?? 2, 2);
          assert.deepEqual(
            seen.map((event) => event.id).toSorted((a, b) => a - b),
            Array.from({ length: id }, (_, n) => n),
          );
          for (const key of partitions.keys()) {
            const ids = seen.filter((event) => (event.session_id ?? '') === key).map((event) => event.id);
            assert.deepEqual(
              ids,
              ids.toSorted((a, b) => a - b),
            );
          }
          for (const append of all) {
            const { batch, index } = append.first!;
            const first = stored(planned.find((batches) => batches.includes(batch))!).find(
              ({ firstOffset, nextOffset }) => {
                const offset = batch.baseOffset + index;
                return firstOffset <= offset && offset < nextOffset;
              },
            );
            assert.equal(first!.source, append.source);
          }
        }),
        { numRuns: 30 },
      );
    });
  }

  it('keep lines without keys in one record where they fit, and cut records at 256 KiB', () => {
    const lines = Array.from({ length: 100 }, (_, n) => `{"n":${n},"x":"${'x'.repeat(5000)}"}`);
    const [batches] = planBatches([pending('http', lines)], {
      ...options,
      records: 'blocks',
      batchBytesMax: 900_000,
    });
    const runs = stored(batches!);
    assert.deepEqual(
      runs.map(({ firstOffset, sharesOffset }) => [firstOffset, sharesOffset]),
      [
        [0, true],
        [1, true],
      ],
    );
    assert.ok(runs.every(({ bytes }) => bytes.length <= 256 * 1024));
    assert.equal(
      Buffer.concat(runs.map(({ bytes }) => bytes)).toString(),
      lines.map((line) => `${line}\n`).join(''),
    );
  });
});
