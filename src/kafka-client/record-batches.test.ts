import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { crc32c } from '@platformatic/kafka';
import fc from 'fast-check';
import { BatchWriter, encodeHeaders } from './batch-writer.ts';
import { AT, committedBatches, RecordReader } from './record-batches.ts';

const TRANSACTIONAL = 0b1_0000;
const CONTROL = 0b10_0000;
const NO_HEADERS = encodeHeaders([]);

/** A batch as a broker has it: with its offset, and with marks of its transaction. */
function stored(
  baseOffset: number,
  values: (string | Buffer)[],
  producer = -1,
  attributes = 0,
  key: Buffer | null = null,
) {
  const writer = new BatchWriter(64);
  for (const value of values) writer.add(key, [Buffer.from(value)], NO_HEADERS);
  const sequence = { producerId: BigInt(producer), producerEpoch: 0, first: 0 };
  const batch = Buffer.from(writer.seal('none', 1_000 + baseOffset, sequence));
  batch.writeBigInt64BE(BigInt(baseOffset), AT.baseOffset);
  batch.writeInt16BE(attributes, AT.attributes);
  batch.writeUInt32BE(crc32c(batch.subarray(AT.attributes)), AT.crc);
  return batch;
}
const inTransaction = (offset: number, value: string, producer: number) =>
  stored(offset, [value], producer, TRANSACTIONAL);
const marker = (offset: number, producer: number, kind: 'abort' | 'commit') =>
  stored(offset, [''], producer, TRANSACTIONAL | CONTROL, Buffer.from([0, 0, 0, kind === 'commit' ? 1 : 0]));

function valuesOf(records: Buffer, from: number, aborted: [number, number][] = []) {
  const transactions = aborted.map(([producer, firstOffset]) => ({
    producerId: BigInt(producer),
    firstOffset,
  }));
  const { batches, next } = committedBatches(records, from, transactions);
  const values = batches.flatMap((batch) => {
    const record = new RecordReader(batch.records);
    return Array.from({ length: batch.count }, () => {
      record.next();
      return record.bytes.toString('utf8', record.valueStart, record.valueStart + record.valueLength);
    });
  });
  return { values, next };
}

describe('committed records', () => {
  it('are without two transactions that one producer rolled back', () => {
    const records = Buffer.concat([
      inTransaction(0, 'x', 7),
      marker(1, 7, 'abort'),
      inTransaction(2, 'a', 7),
      marker(3, 7, 'commit'),
      inTransaction(4, 'x', 7),
      marker(5, 7, 'abort'),
      inTransaction(6, 'b', 7),
    ]);
    assert.deepEqual(
      valuesOf(records, 0, [
        [7, 4],
        [7, 0],
      ]),
      { values: ['a', 'b'], next: 7 },
    );
  });

  it('are without those whose marker comes in a later answer', () => {
    const first = Buffer.concat([
      inTransaction(0, 'x', 7),
      inTransaction(1, 'a', 8),
      inTransaction(2, 'x', 7),
    ]);
    assert.deepEqual(valuesOf(first, 0, [[7, 0]]), { values: ['a'], next: 3 });
    const second = Buffer.concat([inTransaction(3, 'x', 7), marker(4, 7, 'abort'), inTransaction(5, 'b', 7)]);
    assert.deepEqual(valuesOf(second, 3, [[7, 0]]), { values: ['b'], next: 6 });
  });

  it('are with those outside of transactions, and with those before the aborted one', () => {
    const records = Buffer.concat([
      inTransaction(0, 'a', 7),
      stored(1, ['b', 'c']),
      inTransaction(3, 'x', 7),
      stored(4, ['d'], 7),
      marker(5, 9, 'abort'),
    ]);
    assert.deepEqual(valuesOf(records, 0, [[7, 3]]), { values: ['a', 'b', 'c', 'd'], next: 6 });
  });

  it('end where the answer was cut', () => {
    const records = Buffer.concat([stored(0, ['a']), stored(1, ['b'])]);
    for (let cut = 1; cut < stored(1, ['b']).length; cut++)
      assert.deepEqual(valuesOf(records.subarray(0, records.length - cut), 0), { values: ['a'], next: 1 });
    assert.deepEqual(valuesOf(Buffer.alloc(0), 5), { values: [], next: 5 });
  });

  it('are refused when they are damaged, or in an old format', () => {
    const damaged = stored(3, ['a']);
    damaged[damaged.length - 2]! ^= 1;
    assert.throws(() => committedBatches(damaged, 0, []), /offset 3 on are damaged/);
    const old = stored(4, ['a']);
    old[AT.magic] = 1;
    assert.throws(() => committedBatches(old, 0, []), /offset 4 is in the old message format 1/);
  });
});

it('records come back as they were written, with each compression', () => {
  const bytes = fc.uint8Array({ maxLength: 300 }).map((each) => Buffer.from(each));
  const record = fc.record({
    key: fc.option(bytes),
    value: fc.array(bytes, { maxLength: 3 }),
    headers: fc.array(fc.tuple(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' })), {
      maxLength: 3,
    }),
  });
  const compression = fc.constantFrom('none', 'gzip', 'snappy', 'lz4', 'zstd');
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 80 }), compression, (records, algorithm) => {
      const writer = new BatchWriter(10);
      for (const { key, value, headers } of records) writer.add(key, value, encodeHeaders(headers));
      const sequence = { producerId: 5n, producerEpoch: 1, first: 77 };
      const { batches, next } = committedBatches(writer.seal(algorithm, 123_456, sequence), 0, []);
      assert.equal(next, records.length);
      const [batch] = batches;
      assert.equal(batch!.maxTimestampMs, 123_456);
      const reader = new RecordReader(batch!.records);
      for (const [index, { key, value, headers }] of records.entries()) {
        reader.next();
        const { bytes: all, keyStart, keyLength, valueStart, valueLength } = reader;
        assert.equal(reader.offsetDelta, index);
        assert.deepEqual(keyLength < 0 ? null : all.subarray(keyStart, keyStart + keyLength), key);
        assert.deepEqual(all.subarray(valueStart, valueStart + valueLength), Buffer.concat(value));
        assert.deepEqual(reader.headers(), headers);
      }
    }),
    { numRuns: 200 },
  );
});
