/** Mappings that are programs of the user: what they do wrong costs a record, and nothing else. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Decoded } from '../../src/ingest/format.ts';
import { LineValidator } from '../../src/ingest/line-validator.ts';
import { createModuleMapper } from '../../src/ingest/mapping/module-mapper.ts';
import { Normalizer } from '../../src/ingest/normalize.ts';
import { Observer } from '../../src/ingest/observer.ts';
import { cli, temporaryDir } from '../support/product.ts';

const FILE = join(import.meta.dirname, '..', 'fixtures', 'mappings', 'orders.ts');
const AT = '2026-11-02 10:00:00';

async function mapped(rows: readonly object[], beside?: Record<string, unknown>) {
  const mapper = await createModuleMapper('orders.ts', FILE);
  const text = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  const input: Decoded[] = [{ kind: 'json', bytes: Buffer.from(text), places: { first: 1 } }];
  const { decoded, leftOut } = await mapper.map(input, { beside });
  const validator = new LineValidator({
    normalizer: new Normalizer(mapper.settings),
    timeZone: 'UTC',
    lineBytesMax: 1 << 20,
    storedBytesMax: Number.POSITIVE_INFINITY,
    now: () => Date.UTC(2026, 10, 28),
  });
  const result = validator.validate(decoded, new Observer({ zone: 'UTC' }));
  const lines = Buffer.concat(result.bytes).toString().trim().split('\n');
  return { ...result, leftOut, lines };
}

test('a record becomes several events, one, or none; its settings say how values are read', async () => {
  const { lines, accepted, leftOut } = await mapped(
    [{ kind: 'order', id: 5, cents: 3980, at: AT }, { kind: 'draft' }, { kind: 'page', at: AT }],
    { headers: { host: 'shop.example' } },
  );
  assert.deepEqual([accepted, leftOut], [3, 1]);
  assert.deepEqual(
    lines.map((line) => JSON.parse(line)),
    [
      {
        timestamp: '2026-11-02T09:00:00.000Z',
        event_type: 'checkout',
        user_id: '5',
        extra: { shop: 'shop.example' },
      },
      {
        timestamp: '2026-11-02T09:00:00.000Z',
        event_type: 'purchase',
        order_id: '5',
        amount: '39.8000',
        currency: 'EUR',
      },
      { timestamp: '2026-11-02T09:00:00.000Z', event_type: 'view_page' },
    ],
  );
});

test('an endless loop, an error, too much memory, an end of the process: each is one bad row', async () => {
  const page = { kind: 'page', at: AT };
  for (const [kind, why] of [
    ['loop', /longer than 1000 ms/],
    ['throw', /row 9 has no customer/],
    ['number', /returned 7, which is not an object/],
    ['memory', /longer than 1000 ms, or too much memory/],
    ['buffers', /longer than 1000 ms, or too much memory/],
    ['exit', /longer than 1000 ms, or .*ended/],
    ['promise', /promise/],
  ] as const) {
    const { accepted, reasons, errors } = await mapped([page, { kind, id: 9, at: AT }, page]);
    assert.deepEqual([accepted, reasons], [2, { mapping_failed: 1 }], kind);
    assert.match(errors[0]!.example ?? '', why);
    assert.equal(errors[0]!.line, 2);
  }
});

test('an error outside of a record ends its worker, and the next record gets a new one', async () => {
  const page = { kind: 'page', at: AT };
  const first = await mapped([page, { kind: 'later', at: AT }]);
  assert.deepEqual([first.accepted, first.leftOut], [1, 1]);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal((await mapped([page])).accepted, 1);
});

test('what it prints stays out of the answer of a command', async () => {
  const file = join(temporaryDir(), 'rows.ndjson');
  writeFileSync(file, `${JSON.stringify({ kind: 'print', at: AT })}\n`);
  const { stdout, stderr } = await cli([
    'map',
    'try',
    file,
    '--json',
    '--map',
    FILE,
    '--data',
    temporaryDir(),
  ]);
  assert.equal(JSON.parse(stdout).accepted, 1);
  assert.match(stderr, /printed by a mapping/);
});

test('a file that is not a mapping is reported at once', async () => {
  const file = join(import.meta.dirname, '..', 'support', 'seed.ts');
  await assert.rejects(
    createModuleMapper('seed.ts', file),
    /can't be loaded: its default export is not a function/,
  );
});
