/** Tables of 0.1.0, which did not decide about duplicates: they are upgraded in place, while new rows come. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { DeltaArchive } from '../../src/archive/delta/archive.ts';
import { openLocalArchive } from '../../src/archive/storage/local/local-archive.ts';
import { Ingestor } from '../../src/ingest/ingestor.ts';
import type { EventLog } from '../../src/log/event-log.ts';
import { openMemoryLog } from '../../src/log/memory/log.ts';
import { sumCounts } from '../../src/log/offset.ts';
import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import { duckDbConfig } from '../../src/metrics/duckdb/config.ts';
import { type DuckDb, openDuckDb } from '../../src/metrics/duckdb/open-duckdb.ts';
import { type ArchivedRow, archivedRows, flagsOf, linesOf } from '../support/archived-rows.ts';
import { batchOf } from '../support/decode-lines.ts';
import { externalLines } from '../support/external-lines.ts';
import { quickPipeline } from '../support/pipeline.ts';
import { type ArchiveSeen, readArchive } from '../support/read-archive.ts';
import { referenceFlags } from '../support/reference-metrics.ts';

/** Of the log whose lines the fixture holds: 2645 events and 55 bad rows, received in the first half of September. */
const LOG_ID = '82403c92-f567-40cb-9785-b681c54fb978';
const ROWS = 2700;
const NOW_MS = Date.UTC(2026, 8, 14, 9);

let dir = '';
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'tillstream-upgrade-'));
});
after(() => rmSync(dir, { recursive: true, force: true }));

/** A copy of the tables, opened by this version. */
class Rig {
  readonly dir: string;
  readonly archiveDir: string;
  readonly log: EventLog;
  duckdb!: DuckDb;
  archive!: DeltaArchive;

  private constructor(name: string) {
    this.dir = join(dir, name);
    this.archiveDir = join(this.dir, 'archive');
    mkdirSync(this.archiveDir, { recursive: true });
    execFileSync('tar', [
      '-xzf',
      join(import.meta.dirname, '..', 'fixtures', 'archive-0.1.0.tar.gz'),
      '-C',
      this.archiveDir,
    ]);
    this.log = openMemoryLog({ now: () => NOW_MS, id: LOG_ID });
  }

  static async open(name: string): Promise<Rig> {
    const rig = new Rig(name);
    // In the place of those that the tables have.
    await rig.receive(Array.from({ length: ROWS }, () => '{}'));
    return rig;
  }

  async start(): Promise<void> {
    this.duckdb = await openDuckDb({
      dir: join(this.dir, 'metrics'),
      archiveDirs: [this.archiveDir],
      catalogue: CATALOGUE,
      timeZone: 'UTC',
      validateExternal: externalLines(),
      logId: LOG_ID,
      config: duckDbConfig.parse({ threads: 2 }),
      now: () => NOW_MS,
    });
    const { parquet } = this.duckdb;
    this.archive = await openLocalArchive(this.archiveDir, { parquet, logId: LOG_ID, now: () => NOW_MS });
  }

  async receive(lines: readonly string[]): Promise<void> {
    const ingestor = new Ingestor({
      log: this.log,
      settings: { time_zone: 'UTC' },
      lineBytesMax: 65_536,
      now: () => NOW_MS,
    });
    await ingestor.ingest('http', Buffer.from(lines.map((line) => `${line}\n`).join('')));
  }

  /** Archives what the log has. */
  async append(): Promise<void> {
    const from = this.archive.position(0);
    const batches = await this.log.read(0, from, { linesMax: 10_000, bytesMax: 1e8 });
    const decoded = await this.duckdb.decoder.decode(() => [batches]);
    const batch = batchOf(decoded, from, batches);
    await this.duckdb.deduplicator.decide(batch, this.archive, { 0: from });
    await this.archive.append(batch);
    await this.duckdb.decoder.release(decoded);
  }

  rows(): Promise<ArchivedRow[]> {
    return archivedRows(this.archive, this.archiveDir);
  }

  /** What the rule gives for the rows, in the order of receipt. */
  async expected(): Promise<Record<string, unknown>> {
    const rows = await this.rows();
    const flags = referenceFlags(linesOf(rows));
    return Object.fromEntries(rows.map(({ place }, n) => [place, flags[n]]));
  }
}

const withoutFlags = ({
  schema,
  revenue: _revenue,
  orders: _orders,
  excluded: _excluded,
  ...seen
}: ArchiveSeen['events']) => ({
  ...seen,
  columns: Object.keys(schema).length > 0,
  files: 0,
  version: 0,
});

test('the flags of old rows are decided by the rule, in place, while new rows are appended', async () => {
  const rig = await Rig.open('whole');
  const old = await readArchive(rig.archiveDir, ['rows']);
  assert.equal(old.events.schema.duplicate, undefined, 'the fixture is of the old version');
  await rig.start();
  const known = await rig.rows();
  assert.ok(rig.archive.undecidedFiles() > 20);
  const opened = await readArchive(rig.archiveDir, ['rows']);
  assert.equal(opened.events.schema.duplicate, 'Boolean', 'the columns are there at once');
  assert.deepEqual(withoutFlags(opened.events), withoutFlags(old.events));

  const repeated = known.filter(({ eventType, orderId }) => eventType === 'purchase' && orderId).at(-1)!;
  const { orderId: order_id, productId: product_id, amount, quantity, price } = repeated;
  const again = { order_id, product_id, amount, quantity, price, event_type: 'purchase' };
  await rig.receive([JSON.stringify({ ...again, timestamp: NOW_MS, event_id: 'again' })]);
  const upgrading = rig.archive.upgrade(new AbortController().signal);
  await rig.append();
  const during = await readArchive(rig.archiveDir);
  assert.equal(during.events.rows, old.events.rows + 1);
  await upgrading;
  assert.equal(rig.archive.undecidedFiles(), 0);

  const flags = flagsOf(await rig.rows());
  assert.equal(flags[`0-${ROWS}`]!.duplicate, true, 'the new row repeats an old one');
  assert.deepEqual(flags, await rig.expected());
  assert.ok(Object.values(flags).filter(({ duplicate }) => duplicate).length > 100);
  const after = await readArchive(rig.archiveDir, ['rows']);
  assert.equal(after.events.rows, old.events.rows + 1);
  assert.equal(after.events.rows_in_stats, after.events.rows);
  const beforeIt = (seen: ArchiveSeen) => seen.events.data.filter(([offset]) => Number(offset) < ROWS);
  assert.deepEqual(beforeIt(after), beforeIt(old), 'nothing else of the old rows has changed');

  const { engine } = rig.duckdb;
  assert.equal(await engine.restore(rig.archive), true);
  const { counted, duplicate, bad } = engine.ledger();
  assert.equal(sumCounts(counted), Object.values(flags).filter((row) => !row.duplicate).length);
  assert.equal(sumCounts(counted) + sumCounts(duplicate) + sumCounts(bad), ROWS + 1);
  assert.equal((await engine.rebuild(rig.archive, null, true)).differences, 0);
  const { rows } = await rig.duckdb.store.query({
    ...{ metric: 'revenue', window: '1d', fromMs: 0, toMs: NOW_MS },
  });
  const sum = (value: string) => rows.reduce((total, row) => total + Number(row[value]), 0);
  assert.deepEqual([sum('orders'), sum('revenue')], [after.events.orders, after.events.revenue]);
  assert.equal(sum('orders'), Object.values(flags).filter(({ newOrder }) => newOrder).length);
  await rig.duckdb.close();
});

test('a column of another type is rewritten by one commit, before the first new row: no reader sees both', async () => {
  const rig = await Rig.open('types');
  await rig.start();
  const old = await readArchive(rig.archiveDir);
  assert.equal(old.events.schema.quantity, 'Int32', 'the fixture is of the old version');
  const known = await rig.rows();
  assert.ok(known.some(({ quantity }) => (quantity ?? 0) > 1));
  const line = { timestamp: NOW_MS, event_type: 'view_product', quantity: 2.125 };
  await rig.receive([JSON.stringify(line)]);
  await rig.append();
  const seen = await readArchive(rig.archiveDir);
  assert.equal(seen.events.schema.quantity, 'Decimal(precision=18, scale=4)');
  assert.equal(seen.events.rows, old.events.rows + 1);
  assert.equal(seen.events.version, old.events.version + 2);
  const quantities = (rows: readonly ArchivedRow[]) => rows.map(({ place, quantity }) => [place, quantity]);
  assert.deepEqual(quantities(await rig.rows()), [...quantities(known), [`0-${ROWS}`, 2.125]]);
  assert.ok(rig.archive.undecidedFiles() > 0, 'nothing is decided by that');
  await rig.duckdb.close();
});

test('an upgrade that was stopped continues at the next start, and gives the same', async () => {
  const rig = await Rig.open('stopped');
  await rig.start();
  const files = rig.archive.undecidedFiles();
  const stop = new AbortController();
  const upgrading = rig.archive.upgrade(stop.signal);
  const look = setInterval(() => rig.archive.undecidedFiles() <= files / 2 && stop.abort(), 2);
  await assert.rejects(upgrading, { name: 'AbortError' });
  clearInterval(look);
  const left = rig.archive.undecidedFiles();
  assert.ok(left > 0 && left < files, `${left} of ${files} files are left`);
  assert.equal((await readArchive(rig.archiveDir)).events.rows_in_stats, 2645);
  // As after a kill: nothing was closed, and files that no commit names are left.
  const killed = rig.duckdb;
  rmSync(join(rig.dir, 'metrics'), { recursive: true });
  await rig.start();
  await killed.close().catch(() => {});
  const again = rig.archive;
  assert.equal(again.undecidedFiles(), left);
  await again.upgrade(new AbortController().signal);
  assert.equal(again.undecidedFiles(), 0);
  assert.deepEqual(flagsOf(await rig.rows()), await rig.expected());
  await rig.duckdb.close();
});

test('the metrics are filled after the upgrade, and the status reports it', async () => {
  const rig = await Rig.open('filled');
  await rig.start();
  const { log, duckdb, archive } = rig;
  const pipeline = quickPipeline({ log, duckdb, archive });
  await pipeline.start();
  try {
    const { state, message } = pipeline.status().metrics!;
    assert.equal(state, 'starting');
    assert.match(message, /The archive is being upgraded: \d+ files? of an older version (?:is|are) left\./);
    await pipeline.metricsFilled();
    assert.equal(archive.undecidedFiles(), 0);
    await pipeline.waitUntilIdle();
    assert.deepEqual(pipeline.status().metrics, { state: 'ready', message: '' });
    assert.equal((await pipeline.rebuild(null, true)).differences, 0);
  } finally {
    await pipeline.stop(0);
    await duckdb.close();
  }
});
