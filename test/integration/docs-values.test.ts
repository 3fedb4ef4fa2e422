import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AMBIGUOUS_VALUES, READ_VALUES } from '../../scripts/read-examples.ts';
import { Normalizer } from '../../src/ingest/normalize.ts';

const SALE = { timestamp: '2024-11-01T10:00:00Z', event_type: 'purchase', amount: '1' };
const normalize = (field: string, value: unknown) =>
  new Normalizer().normalize({ ...SALE, [field]: value }, Date.UTC(2026, 10, 23));

for (const { field, value, read } of READ_VALUES)
  test(`${field} ${JSON.stringify(value)} is read as the docs say`, () => {
    const normalized = normalize(field, value);
    assert.ok('line' in normalized, JSON.stringify(normalized));
    assert.equal(JSON.parse(normalized.line.toString())[field], read);
  });

for (const { field, value, reason } of AMBIGUOUS_VALUES)
  test(`${field} ${JSON.stringify(value)} is not read, as the docs say`, () => {
    const normalized = normalize(field, value);
    assert.ok('reason' in normalized, JSON.stringify(normalized));
    assert.deepEqual([normalized.reason, normalized.field], [reason, field]);
  });
