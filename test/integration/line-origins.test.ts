import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { LogBatch } from '../../src/log/event-log.ts';
import { type DecoderUnderTest, openDecoder } from '../support/decode-lines.ts';
import { batchOf, purchaseLine as event, NOW_MS } from '../support/log-batch.ts';

let decoder: DecoderUnderTest;
before(async () => {
  decoder = await openDecoder('Europe/Berlin');
});
after(() => decoder.close());

test('each row has the offset, source and time of receipt of its own batch, over thousands of runs', async () => {
  const batches: LogBatch[] = [];
  const expected: object[] = [];
  let offset = 1_000_000_007;
  for (let run = 0; run < 3000; run++) {
    // A gap where lines were lost, and neighbours that are one chunk, and ones that differ in one thing only.
    if (run % 7 === 3) offset += run;
    const source = ['http', 'tail', "o'brien"][Math.floor(run / 2) % 3]!;
    const receivedAtMs = NOW_MS + Math.floor(run / 3);
    const lines = Array.from({ length: 1 + (run % 4) }, (_, i) => event(`${run}-${i}`));
    batches.push(batchOf(offset, lines, { source, receivedAtMs }));
    for (let i = 0; i < lines.length; i++) {
      expected.push({ event_id: `${run}-${i}`, log_offset: offset + i, received: receivedAtMs, source });
    }
    offset += lines.length;
  }
  const rows = await decoder.rows<object>(
    batches,
    'event_id, log_offset, epoch_ms(received_at) AS received, source',
  );
  assert.deepEqual(
    rows.map((row) => ({ ...row })),
    expected,
  );
});

test('lines that several threads read side by side keep their places', async () => {
  const several = await openDecoder('UTC', 4);
  try {
    // DuckDB reads some 30 MB at a time.
    const note = 'x'.repeat(4000);
    const batches = Array.from({ length: 40 }, (_, i) =>
      batchOf(
        i * 500,
        Array.from({ length: 500 }, (_, line) => event(`e${i * 500 + line}`, `,"note":"${note}"`)),
        { source: `s${i % 2}` },
      ),
    );
    const rows = await several.rows<{ right: number }>(
      batches,
      `count_if(event_id = 'e' || log_offset AND source = 's' || (log_offset // 500 % 2)) OVER ()::INTEGER AS right`,
    );
    assert.equal(rows.length, 20_000);
    assert.equal(rows[0]!.right, 20_000);
  } finally {
    await several.close();
  }
});

test('each of thousands of lines is a run of its own, and every second shares its offset', async () => {
  const batches = Array.from({ length: 5000 }, (_, i) =>
    batchOf(i * 3, i % 2 === 0 ? [event(`e${i}`)] : [event(`e${i}`), event(`f${i}`)], {
      source: `s${i}`,
      sharesOffset: i % 2 === 1,
      receivedAtMs: NOW_MS + i,
    }),
  );
  const rows = await decoder.rows<{ ok: boolean }>(
    batches,
    `event_id = CASE log_line WHEN 0 THEN 'e' ELSE 'f' END || (log_offset // 3) AND source = 's' || (log_offset // 3)
      AND log_offset % 3 = 0 AND epoch_ms(received_at) = ${NOW_MS} + log_offset // 3 AS ok`,
  );
  assert.equal(rows.length, 7500);
  assert.ok(rows.every((row) => row.ok));
});

test('an empty line, which DuckDB would skip, is a bad row at its own offset, in one run and in many', async () => {
  for (const canonical of [false, true])
    for (const others of [[], [batchOf(40, [event('z')], { source: 'tail' })]]) {
      const holed = batchOf(10, [event('a'), '', event('b')], { canonical });
      const rows = await decoder.rows<object>([holed, ...others], 'event_id, log_offset, reason');
      assert.deepEqual(
        rows.map((row) => ({ ...row })),
        [
          { event_id: 'a', log_offset: 10, reason: null },
          { event_id: null, log_offset: 11, reason: 'not_json' },
          { event_id: 'b', log_offset: 12, reason: null },
          ...(others.length > 0 ? [{ event_id: 'z', log_offset: 40, reason: null }] : []),
        ],
      );
    }
});
