/** What a batch of few lines costs: statements of SQL, whatever the catalogue holds. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ingestor } from '../../src/ingest/ingestor.ts';
import { openMemoryLog } from '../../src/log/memory/log.ts';
import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import { duckDbConfig } from '../../src/metrics/duckdb/config.ts';
import { openDuckDb } from '../../src/metrics/duckdb/open-duckdb.ts';
import { batchOf } from '../support/decode-lines.ts';
import { externalLines } from '../support/external-lines.ts';
import { temporaryDir } from '../support/product.ts';

/** Twice the metrics, under other names: what they share is still computed once. */
const TWICE = [...CATALOGUE, ...CATALOGUE.map((metric) => ({ ...metric, name: `${metric.name}_again` }))];

for (const [what, catalogue] of Object.entries({
  'the catalogue': CATALOGUE,
  'twice the catalogue': TWICE,
})) {
  test(`a batch of few lines costs at most 15 statements: ${what}`, async () => {
    const nowMs = Date.UTC(2026, 5, 2, 12);
    const log = openMemoryLog({ now: () => nowMs });
    const ingestor = new Ingestor({
      log,
      settings: { time_zone: 'UTC' },
      lineBytesMax: 65_536,
      now: () => nowMs,
    });
    const statements: string[] = [];
    const duckdb = await openDuckDb({
      dir: temporaryDir(),
      archiveDirs: [],
      catalogue,
      timeZone: 'Europe/Berlin',
      validateExternal: externalLines('Europe/Berlin'),
      logId: log.id,
      config: duckDbConfig.parse({ threads: 2 }),
      now: () => nowMs,
      intercept: (sql, run) => {
        statements.push(sql);
        return run();
      },
    });
    try {
      const { engine, decoder, store } = duckdb;
      const costs: number[] = [];
      for (let n = 0; n < 5; n++) {
        const line = (type: string) =>
          `{"timestamp":${nowMs - n * 60_000},"event_type":"${type}","event_id":"${type}${n}","user_id":"u${n}","session_id":"s${n}","product_id":"p1","amount":"10.00","currency":"EUR","response_time":${n},"status_code":200}\n`;
        await ingestor.ingest('http', Buffer.from(`${line('purchase')}${line('view_product')}no event\n`));
        const from = engine.position(0);
        const batches = await log.read(0, from, { linesMax: 10, bytesMax: 10_000 });
        const decoded = await decoder.decode(() => [batches]);
        statements.length = 0;
        await engine.apply(batchOf(decoded, from, batches));
        costs.push(statements.length);
        await decoder.release(decoded);
      }
      // The first one finds out how large the state is.
      assert.ok(Math.max(...costs.slice(1)) <= 15, `${costs}:\n${statements.join('\n')}`);
      const range = { fromMs: 0, toMs: Date.UTC(2100, 0, 1) };
      for (const { name } of catalogue.filter((metric) => metric.name.startsWith('revenue'))) {
        const { rows } = await store.query({ metric: name, window: '1d', ...range });
        assert.deepEqual(
          rows.map(({ orders, revenue }) => [orders, revenue]),
          [[5, '50.0000']],
        );
      }
    } finally {
      await duckdb.close();
    }
  });
}
