/** Metrics whose state is gone are filled from the archive while the rest already works. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { cli, spawnUp, temporaryDir, until } from '../support/product.ts';

const LINES = 150_000;

interface Totals {
  rows: { events: number }[];
}

test('events are taken while the metrics are filled; a stop in the middle costs nothing', async () => {
  const dir = temporaryDir();
  const dataDir = join(dir, 'data');
  const file = join(dir, 'lines.ndjson');
  const rate = String(LINES / (5 * 86_400));
  await cli(['simulate', '--out', file, '--count', String(LINES), '--rate', rate, '--duplicate', '0.01']);
  const args = ['--data', dataDir, '--json'];
  const loaded = (await cli(['load', file, ...args])).json<{ events: number; duplicates: number }>();
  rmSync(join(dataDir, 'metrics'), { recursive: true });

  const config = { sources: [{ kind: 'http', port: 0 }] };
  const start = async () => {
    const process = spawnUp({ dataDir, config });
    const runFile = join(dataDir, 'run.json');
    const run = () => JSON.parse(readFileSync(runFile, 'utf8')) as { pid: number; url: string };
    await until(() => existsSync(runFile) && run().pid === process.child.pid, 'it listens');
    const ready = async () => {
      const answer = await fetch(`${run().url}/readyz`);
      const { parts } = (await answer.json()) as { parts: { metrics: { state: string } } };
      return { status: answer.status, ...parts.metrics };
    };
    return { ...process, url: run().url, ready };
  };
  const filling = { status: 503, state: 'starting' };
  const body = '{"timestamp":1790000000000,"event_type":"view_product"}';

  const first = await start();
  assert.deepEqual(await first.ready(), filling);
  assert.equal((await fetch(`${first.url}/v1/events`, { method: 'POST', body })).status, 200);
  first.child.kill('SIGTERM');
  assert.equal(await first.exited, 0, first.output());

  const second = await start();
  assert.deepEqual(await second.ready(), filling);
  assert.equal((await fetch(`${second.url}/healthz`)).status, 200);
  assert.equal((await fetch(`${second.url}/v1/events`, { method: 'POST', body })).status, 200);
  await until(async () => (await second.ready()).status === 200, 'it is filled', 60_000);
  second.child.kill('SIGTERM');
  assert.equal(await second.exited, 0, second.output());

  const ledger = (await cli(['ledger', ...args])).json<{
    metrics: { counted: number; duplicate: number; excluded: number };
    balanced: boolean;
  }>();
  assert.equal(ledger.balanced, true);
  assert.equal(ledger.metrics.duplicate, loaded.duplicates);
  assert.equal(ledger.metrics.counted, loaded.events - loaded.duplicates - ledger.metrics.excluded + 2);
  const range = ['--window', '1d', '--from', '2020-01-01', '--to', '2040-01-01'];
  const { rows } = (await cli(['query', 'traffic', ...range, ...args])).json<Totals>();
  assert.equal(
    rows.reduce((sum, row) => sum + row.events, 0),
    ledger.metrics.counted,
  );
  assert.equal((await cli(['rebuild', '--diff', ...args])).json<{ differences: number }>().differences, 0);
});
