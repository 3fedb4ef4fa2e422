/** Promise 5: no event is too late. A window is corrected at once while it is hot, and from the archive when it is cold. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ENGINE_NAMES } from '../support/engines.ts';
import { MetricsHarness } from '../support/metrics-harness.ts';

const START_MS = Date.UTC(2026, 2, 2, 10);
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

for (const engine of ENGINE_NAMES) {
  const withHarness = (run: (harness: MetricsHarness) => Promise<void>) => async () => {
    const harness = await MetricsHarness.open({ engine, timeZone: 'UTC' });
    try {
      await run(harness);
    } finally {
      await harness.close();
    }
  };
  /** One view, received at one time and happened at another. */
  const view = (harness: MetricsHarness, receivedAtMs: number, timeMs: number, user = 'u1') =>
    harness.deliver({ atMs: receivedAtMs, lines: [line(timeMs, user)] });

  describe(`late events, ${engine}`, () => {
    it(
      'a hot window counts at once, a cold one when it was recomputed, and never both',
      withHarness(async (harness) => {
        await view(harness, START_MS, START_MS);
        await harness.waitUntilIdle();
        assert.equal(await views(harness, '1m', START_MS), 1);
        const lastHotMs = START_MS + MINUTE_MS + 48 * HOUR_MS - 1;
        await view(harness, lastHotMs, START_MS + 1, 'u2');
        await harness.measureSome(1);
        assert.equal(
          harness.engine.invalidatedWindows(),
          0,
          'received a millisecond before the window gets cold',
        );
        assert.equal(await views(harness, '1m', START_MS), 2);

        await view(harness, lastHotMs + 1, START_MS + 2, 'u3');
        await harness.measureSome(1);
        assert.equal(harness.engine.invalidatedWindows(), 1, 'its hour and its day are hot');
        assert.equal(
          await views(harness, '1m', START_MS),
          2,
          'the old value stands until the new one is known',
        );
        assert.equal(await views(harness, '1h', START_MS), 3);
        assert.equal(await views(harness, '1d', START_MS), 3);

        assert.equal(await harness.engine.recompute(harness.archive), 1, 'the archive lags: it waits');
        assert.equal(await views(harness, '1m', START_MS), 2);
        while (await harness.archiveSome(1));
        assert.equal(await harness.engine.recompute(harness.archive), 0);
        assert.equal(await views(harness, '1m', START_MS), 3);
        assert.equal(await users(harness, START_MS), 3);
        await harness.assertSound();
      }),
    );

    it(
      'several late events for one closed window, before and after it is recomputed',
      withHarness(async (harness) => {
        await view(harness, START_MS, START_MS);
        await harness.waitUntilIdle();
        const laterMs = START_MS + 60 * HOUR_MS;
        for (let i = 1; i <= 6; i++) {
          await view(harness, laterMs + i, START_MS + i, `u${i % 4}`);
          await harness.measureSome(1);
          assert.equal(harness.engine.invalidatedWindows(), 1);
          if (i % 2 === 0) await harness.waitUntilIdle();
        }
        assert.equal(await views(harness, '1m', START_MS), 7);
        assert.equal(await users(harness, START_MS), 4);
        await harness.assertSound();
      }),
    );

    it(
      'recomputing takes only what the archive has, and comes again for the rest',
      withHarness(async (harness) => {
        const laterMs = START_MS + 60 * HOUR_MS;
        await view(harness, laterMs, START_MS);
        await view(harness, laterMs + 1, START_MS + 5 * MINUTE_MS);
        await view(harness, laterMs + 2, START_MS);
        while (await harness.measureSome(1));
        await harness.archiveSome(1);
        await harness.archiveSome(1);
        assert.equal(
          await harness.engine.recompute(harness.archive),
          1,
          'one of the two minutes is complete',
        );
        assert.equal(await views(harness, '1m', START_MS), 0);
        assert.equal(await views(harness, '1m', START_MS + 5 * MINUTE_MS), 1);
        await harness.waitUntilIdle();
        assert.equal(await views(harness, '1m', START_MS), 2);
        await harness.assertSound();
      }),
    );

    it('recomputing stops after the day that it is at when the process ends, and goes on after it', async () => {
      const harness = await MetricsHarness.open({ engine, timeZone: 'UTC', rebuildRowsMax: 1 });
      try {
        for (const day of [0, 1, 2])
          await view(harness, START_MS + 200 * HOUR_MS + day, START_MS + day * 24 * HOUR_MS);
        while (await harness.archiveSome(1));
        while (await harness.measureSome(1));
        assert.equal(harness.engine.invalidatedWindows(), 3);
        let looks = 0;
        const signal = {
          get aborted() {
            return ++looks > 1;
          },
        } as AbortSignal;
        assert.equal(await harness.engine.recompute(harness.archive, signal), 2);
        assert.equal(await harness.engine.recompute(harness.archive), 0);
        await harness.assertSound();
      } finally {
        await harness.close();
      }
    });

    it(
      'recomputing counts no line that the metrics have not come to, though the archive has it',
      withHarness(async (harness) => {
        const laterMs = START_MS + 60 * HOUR_MS;
        await view(harness, laterMs, START_MS);
        await view(harness, laterMs + 1, START_MS);
        while (await harness.archiveSome(1));
        await harness.measureSome(1);
        assert.equal(await harness.engine.recompute(harness.archive), 0);
        assert.equal(await views(harness, '1m', START_MS), 1);
        assert.equal(
          (await harness.diff()).differences,
          0,
          'at any position the rows are those of the archive',
        );
        await harness.waitUntilIdle();
        assert.equal(await views(harness, '1m', START_MS), 2);
        await harness.assertSound();
      }),
    );

    it(
      'a mark of an invalidated window and the position move together: it outlives a crash',
      withHarness(async (harness) => {
        await view(harness, START_MS, START_MS);
        await harness.waitUntilIdle();
        await view(harness, START_MS + 72 * HOUR_MS, START_MS, 'u2');
        await harness.measureSome(1);
        assert.equal(harness.engine.position(0), 2);
        await harness.crash();
        assert.equal(harness.engine.position(0), 2);
        assert.equal(harness.engine.invalidatedWindows(), 1);
        assert.equal(await views(harness, '1m', START_MS), 1);
        await harness.waitUntilIdle();
        assert.equal(await views(harness, '1m', START_MS), 2);
        await harness.assertSound();
      }),
    );

    it(
      'after a crash before the archive had the event, it is neither lost nor counted twice',
      withHarness(async (harness) => {
        await view(harness, START_MS, START_MS);
        await harness.waitUntilIdle();
        await view(harness, START_MS + 72 * HOUR_MS, START_MS, 'u2');
        while (await harness.archiveSome(1));
        await harness.crash();
        assert.equal(harness.engine.position(0), 1, 'archived, not measured');
        await harness.waitUntilIdle();
        assert.equal(await views(harness, '1m', START_MS), 2);
        assert.equal(await views(harness, '1h', START_MS), 2);
        await harness.assertSound();
      }),
    );

    it(
      'a clock that jumps back moves nothing back',
      withHarness(async (harness) => {
        await view(harness, START_MS, START_MS);
        await view(harness, START_MS + 72 * HOUR_MS, START_MS + 72 * HOUR_MS);
        await harness.waitUntilIdle();
        const maxReceivedAtMs = harness.engine.maxReceivedAtMs();
        assert.equal(maxReceivedAtMs, START_MS + 72 * HOUR_MS);
        await view(harness, START_MS + HOUR_MS, START_MS, 'u2');
        await harness.measureSome(1);
        assert.equal(harness.engine.maxReceivedAtMs(), maxReceivedAtMs);
        assert.equal(harness.engine.invalidatedWindows(), 1, 'cold stays cold');
        const version = harness.store.version();
        await harness.waitUntilIdle();
        assert.ok(harness.store.version() > version, 'versions grow all the same');
        assert.equal(await views(harness, '1m', START_MS), 2);
        await harness.loseState();
        assert.equal(harness.engine.maxReceivedAtMs(), maxReceivedAtMs, 'the archive knows it too');
        await harness.assertSound();
      }),
    );

    it(
      'a clock that jumps ahead makes windows cold early, and no event is lost by it',
      withHarness(async (harness) => {
        await view(harness, START_MS, START_MS);
        await view(harness, START_MS + 30 * 24 * HOUR_MS, START_MS + 1);
        await harness.waitUntilIdle();
        for (let i = 0; i < 3; i++)
          await view(harness, START_MS + i * MINUTE_MS, START_MS + i * MINUTE_MS, 'u2');
        await harness.waitUntilIdle();
        assert.equal(await views(harness, '1m', START_MS), 3);
        assert.equal(await views(harness, '1h', START_MS), 5);
        await harness.assertSound();
      }),
    );

    it(
      'an event from the future is a bad row and moves nothing',
      withHarness(async (harness) => {
        await view(harness, START_MS, START_MS);
        await view(harness, START_MS + 1, START_MS + 365 * 24 * HOUR_MS);
        await view(harness, START_MS + 2, START_MS + 5 * MINUTE_MS + 3);
        await view(harness, START_MS + 3, START_MS);
        await harness.waitUntilIdle();
        assert.equal(harness.engine.maxReceivedAtMs(), START_MS + 3);
        assert.equal(await views(harness, '1m', START_MS), 2);
        assert.equal(await views(harness, '1d', START_MS), 2);
        const { rows } = await harness.store.query({
          metric: 'quality',
          window: '1d',
          fromMs: 0,
          toMs: START_MS * 2,
        });
        assert.deepEqual(rows, [
          { start: '2026-03-02T00:00:00Z', reason: 'timestamp_in_future', rows: 2, windows: 0 },
        ]);
        await harness.assertSound();
      }),
    );
  });
}

function line(timeMs: number, user: string): string {
  return JSON.stringify({ timestamp: timeMs, event_type: 'view_product', user_id: user, response_time: 10 });
}

/** Views that the window which holds the instant shows. */
async function views(
  harness: MetricsHarness,
  window: '1m' | '1h' | '1d',
  instantMs: number,
): Promise<number> {
  const sizeMs = { '1m': MINUTE_MS, '1h': HOUR_MS, '1d': 24 * HOUR_MS }[window];
  const fromMs = instantMs - (instantMs % sizeMs);
  const { rows } = await harness.store.query({ metric: 'traffic', window, fromMs, toMs: fromMs + sizeMs });
  return rows.reduce((sum, row) => sum + Number(row.events), 0);
}

async function users(harness: MetricsHarness, fromMs: number): Promise<number> {
  const { rows } = await harness.store.query({
    metric: 'audience',
    window: '1m',
    fromMs,
    toMs: fromMs + MINUTE_MS,
  });
  return Number(rows[0]?.users ?? 0);
}
