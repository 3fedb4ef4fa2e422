import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeLedger } from './ledger.ts';

test('a source may have the name of something that every object inherits', () => {
  const ledger = makeLedger({
    received: { constructor: 2, http: 1 },
    invalidatedWindows: 0,
    archive: {
      events: { constructor: 2, http: 1 },
      badRows: {},
      lost: {},
      deleted: {},
      added: {},
      consumed: { constructor: 2, http: 1 },
    },
    metrics: {
      counted: { constructor: 2 },
      duplicate: { http: 1 },
      excluded: {},
      bad: {},
      lost: {},
      consumed: { constructor: 2, http: 1 },
    },
  });
  const entry = ledger.by_source.constructor as unknown as (typeof ledger.by_source)[string];
  assert.deepEqual(
    [ledger.balanced, entry.balanced, entry.archive.bad_rows, entry.metrics.duplicate, entry.received],
    [true, true, 0, 0, 2],
  );
});
