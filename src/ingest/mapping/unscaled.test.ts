import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LineValidator } from '../line-validator.ts';
import { readMapping } from '../mappings/read.ts';
import { Normalizer } from '../normalize.ts';
import { Observer } from '../observer.ts';
import { mapperOf } from './map-records.ts';

const SCHEMA = {
  type: 'struct',
  fields: [
    {
      field: 'after',
      type: 'struct',
      fields: [
        {
          field: 'total',
          type: 'bytes',
          name: 'org.apache.kafka.connect.data.Decimal',
          parameters: { scale: '4' },
        },
      ],
    },
  ],
};

async function findingsOf(...records: object[]) {
  const mapper = mapperOf(readMapping('debezium', '.'));
  const normalizer = new Normalizer({ time_zone: 'UTC', ...mapper.settings });
  const validator = new LineValidator({
    normalizer,
    timeZone: 'UTC',
    lineBytesMax: 100_000,
    storedBytesMax: 200_000,
    now: () => Date.UTC(2026, 10, 23),
  });
  const pieces = records.map((fields, n) => ({
    fields: { ...fields },
    raw: Buffer.from('{}'),
    place: n + 1,
  }));
  const { decoded } = await mapper.map([{ kind: 'records', records: pieces }]);
  const { bytes, tally } = validator.validate(decoded, new Observer({ zone: 'UTC' }));
  const amounts = Buffer.concat(bytes)
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).amount);
  return { amounts, findings: tally.list() };
}

const change = (total: unknown, id = 1) => ({
  op: 'c',
  source: { table: 'orders' },
  after: { id, total, currency: 'EUR', created_at: '2026-11-01T10:00:00Z' },
});

test('decimals in bytes without their schema are reported with rows, example and remedy', async () => {
  const { amounts, findings } = await findingsOf(change('AeJA'), change('D3g=', 2), change('5.25', 3));
  assert.deepEqual(amounts, ['1234.5600', '39.6000', '5.2500']);
  assert.deepEqual(
    findings.map(({ code, rows, example }) => [code, rows, example]),
    [['scale_assumed', 2, '1234.56']],
  );
  assert.match(findings[0]!.message, /amount/);
  assert.match(findings[0]!.setting, /decimal\.handling\.mode/);
});

test('decimals of which the scale is known, numbers and texts raise nothing', async () => {
  const { amounts, findings } = await findingsOf(
    { schema: SCHEMA, payload: change('AeJA') },
    change({ scale: 3, value: 'Th8=' }, 2),
    change('39.60', 3),
    change(39.6, 4),
  );
  assert.deepEqual(amounts, ['12.3456', '19.9990', '39.6000', '39.6000']);
  assert.deepEqual(findings, []);
});
