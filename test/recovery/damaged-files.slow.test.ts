/** Files that a disk or a person has damaged: what can be rebuilt is rebuilt, what is lost is told. */
import assert from 'node:assert/strict';
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import { testNow } from '../support/clock.ts';
import { cli, type Product, startProduct, temporaryDir } from '../support/product.ts';
import { compareWithRebuild } from './kill-support.ts';

const CONFIG = { batch: { archive_every_ms: 100, metrics_every_ms: 50 } };
const dataDir = temporaryDir();
const file = join(dataDir, 'metrics', 'metrics.duckdb');

/** All rows of all metrics. */
async function allRows(product: Product): Promise<unknown> {
  const rows: Record<string, unknown> = {};
  for (const { name, windows } of CATALOGUE) {
    for (const window of windows) {
      const from = testNow() - 20 * 86_400_000;
      const path = `/v1/metrics/${name}?window=${window}&from=${from}&total=true`;
      const { json } = await product.request<{ rows: unknown; total: unknown }>('GET', path);
      rows[`${name} ${window}`] = { rows: json.rows, total: json.total };
    }
  }
  return rows;
}

let rowsBefore: unknown;
before(async () => {
  const lines = join(dataDir, 'lines.ndjson');
  const start = new Date(testNow() - 6 * 3_600_000).toISOString();
  const made = [
    '--count',
    '5000',
    '--seed',
    '3',
    '--start',
    start,
    '--malformed',
    '0.01',
    '--duplicate',
    '0.02',
  ];
  assert.equal((await cli(['simulate', '--out', lines, ...made])).code, 0);
  const product = await startProduct({ dataDir, config: CONFIG });
  assert.equal((await cli(['load', lines, '--data', dataDir])).code, 0);
  await product.settled();
  rowsBefore = await allRows(product);
  await product.kill();
  assert.ok(existsSync(file));
});

const DAMAGE: Record<string, () => void> = {
  'is garbage': () => writeFileSync(file, Buffer.alloc(100_000, 'garbage')),
  'is cut in half': () => truncateSync(file, readFileSync(file).length >> 1),
  'is empty': () => writeFileSync(file, ''),
  'is missing': () => rmSync(file),
  'has a damaged middle': () => overwrite(file, 0.5, 8192),
  'has a damaged header': () => overwrite(file, 0, 4096),
  'has a WAL of garbage': () => writeFileSync(`${file}.wal`, Buffer.alloc(50_000, 'garbage')),
  'has an empty WAL': () => writeFileSync(`${file}.wal`, ''),
};

function overwrite(path: string, at: number, bytes: number): void {
  const position = Math.floor(readFileSync(path).length * at);
  const fd = openSync(path, 'r+');
  writeSync(fd, Buffer.alloc(bytes, 0xa5), 0, bytes, position);
  closeSync(fd);
}

for (const [name, damage] of Object.entries(DAMAGE)) {
  test(`a metrics file that ${name} is filled again from the archive, with the same rows`, async () => {
    damage();
    const product = await startProduct({ dataDir, config: CONFIG });
    const ledger = await product.settled();
    assert.ok(ledger.balanced, JSON.stringify(ledger));
    assert.deepEqual(await allRows(product), rowsBefore);
    await compareWithRebuild(product);
    assert.equal(await product.stop(), 0, product.output());
  });
}

/** Three requests in the log, read by nobody when `keepUnread`; the second is damaged while nothing runs. */
async function withDamagedLog(keepUnread: boolean): Promise<{ dir: string; product: Product }> {
  const dir = temporaryDir();
  const slow = { batch: { archive_every_ms: 600_000, metrics_every_ms: 600_000 } };
  const first = await startProduct({ dataDir: dir, config: keepUnread ? slow : CONFIG });
  for (const name of ['a', 'b', 'c']) {
    const lines = Array.from(
      { length: 100 },
      (_, n) => `{"timestamp":${testNow()},"event_type":"search","event_id":"${name}${n}"}`,
    );
    assert.equal((await first.send(lines.join('\n'))).json.accepted, 100);
  }
  if (!keepUnread) await first.settled();
  await first.kill();
  const segment = readdirSync(join(dir, 'log')).find((name) => name.endsWith('.ndjson'))!;
  overwrite(join(dir, 'log', segment), 0.5, 20);
  return { dir, product: await startProduct({ dataDir: dir, config: CONFIG }) };
}

test('lines lost in the log before they were read are counted, set aside, and stop nothing', async () => {
  const { dir, product } = await withDamagedLog(true);
  const next = `{"timestamp":${testNow()},"event_type":"search","event_id":"d"}`;
  assert.equal((await product.send(next)).status, 200);
  const ledger = await product.settled();
  assert.equal(ledger.received, 301);
  assert.equal(ledger.lost, 100);
  assert.equal(ledger.archive.events, 201);
  assert.equal(ledger.metrics.counted, 201);
  assert.ok(ledger.balanced, JSON.stringify(ledger));
  await compareWithRebuild(product);
  assert.ok(
    readdirSync(join(dir, 'log'), { recursive: true }).some((name) => String(name).includes('quarantine')),
  );
  const text = await cli(['ledger', '--data', dir]);
  assert.match(text.stdout, /Lines lost to damage of the log files: 100/);
  assert.equal(await product.stop(), 0);
  const again = await startProduct({ dataDir: dir, config: CONFIG });
  assert.ok((await again.settled()).balanced);
  await again.stop();
});

test('the ledger of a source counts its lost lines', async () => {
  const { product } = await withDamagedLog(true);
  const ledger = await product.settled();
  await product.stop();
  assert.deepEqual(ledger.by_source.http!.archive, { events: 200, bad_rows: 0, in_flight: 0, lost: 100 });
  assert.ok(ledger.by_source.http!.balanced, JSON.stringify(ledger));
});

test('damage to lines that are archived already costs nothing', async () => {
  const { product } = await withDamagedLog(false);
  const ledger = await product.settled();
  await compareWithRebuild(product);
  await product.stop();
  assert.equal(ledger.received, 300);
  assert.deepEqual(ledger.archive, { events: 300, bad_rows: 0, in_flight: 0 });
  assert.equal(ledger.lost, 0);
  assert.ok(ledger.balanced, JSON.stringify(ledger));
});
