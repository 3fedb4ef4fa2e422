/** The set that the old pipeline's log API served, as it is: dates without times, month first, not padded. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runSimulator } from '../../tools/simulator/index.ts';
import { quietLogger } from '../support/kafka.ts';
import { OLD_PIPELINE, oldPipelineFile, oldPipelineText } from '../support/old-pipeline.ts';
import { cli, startProduct, temporaryDir, until } from '../support/product.ts';
import { readArchive } from '../support/read-archive.ts';

type Row = Record<string, string | number>;

async function rows(data: string, metric: string): Promise<Row[]> {
  const result = await cli(['query', metric, '--window', '1d', '--data', data, '--json']);
  return result.json<{ rows: Row[] }>().rows;
}

function sums(rows: readonly Row[], key: string, value = 'events'): Record<string, number> {
  const found: Record<string, number> = {};
  for (const row of rows) found[row[key]!] = (found[row[key]!] ?? 0) + Number(row[value]);
  return found;
}

test('load gives every event on its day, in the metrics and in the archive', async () => {
  const data = temporaryDir();
  const loaded = await cli(['load', oldPipelineFile(), '--data', data, '--json']);
  assert.equal(loaded.code, 0, loaded.stderr);
  const { received, events, bad_rows } = loaded.json<Record<string, number>>();
  assert.deepEqual([received, events, bad_rows], [4000, 4000, 0]);

  const traffic = await rows(data, 'traffic');
  assert.deepEqual(sums(traffic, 'event_type'), OLD_PIPELINE.eventTypes);
  assert.deepEqual(sums(traffic, 'device_type'), OLD_PIPELINE.deviceTypes);
  assert.deepEqual(sums(traffic, 'start'), OLD_PIPELINE.days);
  assert.deepEqual(sums(await rows(data, 'responses'), 'status_class'), OLD_PIPELINE.statusClasses);

  const { events: table, bad_rows: bad } = await readArchive(join(data, 'archive'));
  assert.deepEqual([table.rows, bad.rows], [4000, 0]);
  assert.deepEqual(
    table.dates,
    Object.keys(OLD_PIPELINE.days).map((start) => start.slice(0, 10)),
  );
});

test('the simulated log API serves the set, and the poller brings every entry in once', async () => {
  const set = join(temporaryDir(), 'set.json');
  writeFileSync(set, oldPipelineText());
  const abort = new AbortController();
  let running: Promise<unknown> = Promise.resolve();
  const url = await new Promise<string>((resolve, reject) => {
    running = runSimulator(
      { mode: 'serve', host: '127.0.0.1', port: 0, dataset: set },
      { signal: abort.signal, log: quietLogger, onReady: resolve },
    );
    running.catch(reject);
  });
  const product = await startProduct({
    dataDir: temporaryDir(),
    config: { sources: [{ kind: 'poll', url, name: 'old', every_seconds: 0.1 }] },
  });
  try {
    await until(async () => (await product.ledger()).received >= 4000, 'all entries are received');
    const { received, archive } = await product.settled();
    assert.deepEqual([received, archive.events, archive.bad_rows], [4000, 4000, 0]);
  } finally {
    await product.stop();
    abort.abort();
    await running;
  }
});
