/** Other programs that change the tables of the archive: deltalake does what a shop's own jobs would. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { DeltaArchive } from '../../src/archive/delta/archive.ts';
import { sumCounts } from '../../src/log/offset.ts';
import { ArchiveRig } from '../support/archive-rig.ts';
import { MetricsHarness } from '../support/metrics-harness.ts';
import { temporaryDir } from '../support/product.ts';
import { python, readArchive } from '../support/read-archive.ts';

async function withRig(run: (rig: ArchiveRig) => Promise<void>): Promise<void> {
  const rig = await ArchiveRig.open(temporaryDir());
  try {
    await run(rig);
  } finally {
    await rig.close();
  }
}

const change = ({ archiveDir }: { archiveDir: string }, ...args: string[]) =>
  changeTable(archiveDir, 'events', ...args);

async function changeTable(archiveDir: string, table: string, ...args: string[]): Promise<void> {
  const script = join(import.meta.dirname, '..', 'support', 'change-archive.py');
  await promisify(execFile)(python(), [script, join(archiveDir, table), ...args]);
}

/** Takes in and archives `count` lines of a person, in files of 20 rows; every tenth line is none. */
async function archiveLines(
  rig: ArchiveRig,
  archive: DeltaArchive,
  count: number,
  user: string,
): Promise<void> {
  const lines = Array.from({ length: count }, (_, n) =>
    n % 10 === 9
      ? '{"no":"event"}'
      : JSON.stringify({
          timestamp: new Date(Date.UTC(2026, 5, 1 + (n % 2), 12)).toISOString(),
          event_type: 'search',
          event_id: randomUUID(),
          user_id: user,
        }),
  );
  for (let at = 0; at < count; at += 20) await rig.receive(lines.slice(at, at + 20));
  while (await rig.archive(archive, 20));
}

/** What must hold of the ledger: the lines received are in the tables, or were deleted by others. */
function assertBalanced(rig: ArchiveRig, archive: DeltaArchive): void {
  const { events, bad_rows } = archive.counts();
  const { deleted, added } = archive.changed();
  const sum = sumCounts(events) + sumCounts(bad_rows) + sumCounts(deleted) - sumCounts(added);
  assert.equal(sum, rig.log.partitions()[0]!.end, JSON.stringify({ events, bad_rows, deleted, added }));
  assert.equal(sumCounts(archive.archived()), rig.log.partitions()[0]!.end);
}

/** Archives more, starts again, compacts: all must work on what the others have left. */
async function goOn(rig: ArchiveRig, archive: DeltaArchive): Promise<DeltaArchive> {
  await archiveLines(rig, archive, 40, 'later');
  assertBalanced(rig, archive);
  const before = archive.counts();
  const reopened = await rig.openArchive();
  assert.deepEqual(reopened.counts(), before);
  assert.deepEqual(reopened.changed(), archive.changed());
  assert.equal(reopened.position(0), rig.log.partitions()[0]!.end);
  await archiveLines(rig, reopened, 200, 'compacted');
  assert.ok((await reopened.compact()).filesBefore > 0);
  assertBalanced(rig, reopened);
  const seen = await readArchive(rig.archiveDir);
  assert.equal(seen.events.rows, sumCounts(reopened.counts().events));
  assert.equal(seen.bad_rows.rows, sumCounts(reopened.counts().bad_rows));
  return reopened;
}

const MAINTENANCE: Record<string, string[][]> = {
  'merges small files': [['compact']],
  'sorts the rows': [['z_order', 'user_id']],
  'merges, then deletes old files and writes a checkpoint': [['compact'], ['vacuum'], ['checkpoint']],
  'changes values of rows': [['update', 'extra', "'{}'", "user_id = 'anna'"]],
  'adds a column': [['add_column', 'note']],
};
for (const [what, operations] of Object.entries(MAINTENANCE)) {
  test(`another program ${what}: archiving continues, and no row is counted otherwise`, () =>
    withRig(async (rig) => {
      const archive = await rig.openArchive();
      await archiveLines(rig, archive, 100, 'anna');
      for (const operation of operations) await change(rig, ...operation);
      const reopened = await goOn(rig, archive);
      assert.deepEqual(reopened.changed(), { deleted: {}, added: {} });
    }));
}

test('rows that another program deletes are counted as deleted, also after its compaction, checkpoint and vacuum', () =>
  withRig(async (rig) => {
    const archive = await rig.openArchive();
    await archiveLines(rig, archive, 100, 'anna');
    await archiveLines(rig, archive, 60, 'bert');
    await change(rig, 'delete', "user_id = 'bert'");
    await archive.refresh();
    assert.deepEqual(archive.changed(), { deleted: { http: 54 }, added: {} });
    for (const operation of ['compact', 'vacuum', 'checkpoint']) await change(rig, operation);
    const reopened = await goOn(rig, archive);
    assert.deepEqual(reopened.changed(), { deleted: { http: 54 }, added: {} });
    await change(rig, 'delete', "user_id = 'anna'");
    // A start finds it first.
    assert.deepEqual((await rig.openArchive()).changed().deleted, { http: 144 });
  }));

test('rows that another program appends are counted as added, and their columns stay when files are merged', () =>
  withRig(async (rig) => {
    const archive = await rig.openArchive();
    await archiveLines(rig, archive, 200, 'anna');
    await change(rig, 'append', '3', 'by hand');
    await change(rig, 'append', '2', 'http');
    const reopened = await goOn(rig, archive);
    assert.deepEqual(reopened.changed(), { deleted: {}, added: { 'by hand': 3, http: 2 } });
    const seen = await readArchive(rig.archiveDir);
    assert.equal(seen.events.schema.note, 'String');
    const query =
      'import polars, sys; print(polars.scan_delta(sys.argv[1]).filter(polars.col("note") == "by hand").collect().height)';
    const { stdout } = await promisify(execFile)(python(), ['-c', query, join(rig.archiveDir, 'events')]);
    assert.equal(stdout.trim(), '5');
  }));

test('an archive of an older version, which has counted no rows, takes those that are there', () =>
  withRig(async (rig) => {
    const archive = await rig.openArchive();
    await archiveLines(rig, archive, 40, 'anna');
    const folder = join(rig.archiveDir, 'events', '_delta_log');
    for (const name of readdirSync(folder)) {
      const lines = readFileSync(join(folder, name), 'utf8').split('\n');
      const old = lines.filter((line) => !line.includes('/rows/'));
      old[0] = JSON.stringify({ commitInfo: { operation: 'WRITE', engineInfo: 'tillstream' } });
      writeFileSync(join(folder, name), old.join('\n'));
    }
    const reopened = await rig.openArchive();
    assertBalanced(rig, reopened);
    await archiveLines(rig, reopened, 40, 'anna');
    assertBalanced(rig, reopened);
    assertBalanced(rig, await rig.openArchive());
  }));

const log = (rig: ArchiveRig) => join(rig.archiveDir, 'events', '_delta_log');
const commitFile = (version: number) => `${String(version).padStart(20, '0')}.json`;

/** Adds a commit to the table, as another program may. */
function commitByHand(rig: ArchiveRig, ...actions: object[]): void {
  const version = readdirSync(log(rig)).filter((name) => name.endsWith('.json')).length;
  writeFileSync(
    join(log(rig), commitFile(version)),
    actions.map((action) => JSON.stringify(action)).join('\n'),
  );
}

function metaDataOf(rig: ArchiveRig): {
  schemaString: string;
  configuration: object;
  partitionColumns: string[];
} {
  const lines = readFileSync(join(log(rig), commitFile(0)), 'utf8')
    .trim()
    .split('\n');
  return lines.map((line) => JSON.parse(line)).find(({ metaData }) => metaData).metaData;
}

function withField(rig: ArchiveRig, field: { name: string; [key: string]: unknown }): object {
  const metaData = metaDataOf(rig);
  const schema = JSON.parse(metaData.schemaString);
  const fields = schema.fields.filter(({ name }: { name: string }) => name !== field.name);
  return {
    metaData: { ...metaData, schemaString: JSON.stringify({ ...schema, fields: [...fields, field] }) },
  };
}

const REJECTED: Record<string, [(rig: ArchiveRig) => object, RegExp]> = {
  'deletion vectors': [
    () => ({
      protocol: {
        minReaderVersion: 3,
        minWriterVersion: 7,
        readerFeatures: ['deletionVectors'],
        writerFeatures: ['deletionVectors'],
      },
    }),
    /reader version 3 and writer version 7 with the features deletionVectors/,
  ],
  'a newer reader version only': [
    () => ({ protocol: { minReaderVersion: 2, minWriterVersion: 2 } }),
    /reader version 2/,
  ],
  'column mapping': [
    (rig) => ({ metaData: { ...metaDataOf(rig), configuration: { 'delta.columnMapping.mode': 'name' } } }),
    /mapped to other names \(name\)/,
  ],
  'other partitions': [
    (rig) => ({ metaData: { ...metaDataOf(rig), partitionColumns: ['user_id'] } }),
    /partitioned by user_id, not by event_date/,
  ],
  'a column of another type': [
    (rig) => withField(rig, { name: 'user_id', type: 'long', nullable: true, metadata: {} }),
    /column user_id is of type "long", not "string"/,
  ],
  'a column that must not be null': [
    (rig) => withField(rig, { name: 'approved', type: 'boolean', nullable: false, metadata: {} }),
    /column approved, which Tillstream does not have, must not be null/,
  ],
  'an invariant': [
    (rig) =>
      withField(rig, { name: 'x', type: 'long', nullable: true, metadata: { 'delta.invariants': '{}' } }),
    /column x has an invariant/,
  ],
};
for (const [what, [action, message]] of Object.entries(REJECTED)) {
  test(`a table that gets ${what} between two commits is rejected before a byte is written`, () =>
    withRig(async (rig) => {
      const archive = await rig.openArchive();
      await archiveLines(rig, archive, 20, 'anna');
      commitByHand(rig, action(rig));
      const files = () => readdirSync(join(rig.archiveDir, 'events'), { recursive: true }).sort();
      const before = files();
      await assert.rejects(archiveLines(rig, archive, 10, 'bert'), message);
      await assert.rejects(archiveLines(rig, archive, 10, 'bert'), /Nothing was written/);
      await assert.rejects(rig.openArchive(), message);
      assert.deepEqual(files(), before);
    }));
}

test('columns of another program stay where a newer version of Tillstream adds columns of its own', () =>
  withRig(async (rig) => {
    const archive = await rig.openArchive();
    await archiveLines(rig, archive, 20, 'anna');
    // As an older version made it, with a column that another program has added.
    const { metaData } = withField(rig, { name: 'note', type: 'string', nullable: true, metadata: {} }) as {
      metaData: { schemaString: string };
    };
    const schema = JSON.parse(metaData.schemaString);
    const fields = schema.fields.filter(({ name }: { name: string }) => name !== 'extra');
    commitByHand(rig, { metaData: { ...metaData, schemaString: JSON.stringify({ ...schema, fields }) } });
    await archiveLines(rig, archive, 20, 'bert');
    const { schema: seen } = (await readArchive(rig.archiveDir)).events;
    assert.equal(seen.note, 'String');
    assert.equal(seen.extra, 'String');
    await archiveLines(rig, await rig.openArchive(), 20, 'anna');
  }));

test('a checkpoint in several parts is read, one without all of its parts is not, and a damaged one is passed over', () =>
  withRig(async (rig) => {
    const archive = await rig.openArchive();
    await archiveLines(rig, archive, 200, 'anna');
    await change(rig, 'checkpoint');
    const version = readdirSync(log(rig))
      .find((name) => name.endsWith('.checkpoint.parquet'))!
      .split('.')[0]!;
    const whole = readFileSync(join(log(rig), `${version}.checkpoint.parquet`));
    const part = (n: number) =>
      join(log(rig), `${version}.checkpoint.${`${n}`.padStart(10, '0')}.0000000002.parquet`);
    const counts = archive.counts();
    rmSync(join(log(rig), `${version}.checkpoint.parquet`));
    writeFileSync(part(1), whole);
    assert.deepEqual((await rig.openArchive()).counts(), counts);
    // The same actions twice are the same state.
    writeFileSync(part(2), whole);
    writeFileSync(join(log(rig), '_last_checkpoint'), `{"version":${Number(version)},"size":9,"parts":2}`);
    assert.deepEqual((await rig.openArchive()).counts(), counts);
    writeFileSync(part(2), whole.subarray(0, whole.length >> 1));
    assert.deepEqual((await rig.openArchive()).counts(), counts);
    writeFileSync(join(log(rig), '_last_checkpoint'), '{"version":9999}');
    assert.deepEqual((await rig.openArchive()).counts(), counts);
  }));

test('a file of another program that can’t be read stops neither the start nor archiving', () =>
  withRig(async (rig) => {
    const archive = await rig.openArchive();
    await archiveLines(rig, archive, 40, 'anna');
    const path = `event_date=2026-06-01/${randomUUID()}.parquet`;
    const size = 100;
    const add = {
      path,
      partitionValues: { event_date: '2026-06-01' },
      size,
      modificationTime: 1,
      dataChange: true,
    };
    commitByHand(rig, { add });
    await archiveLines(rig, archive, 20, 'bert');
    const reopened = await rig.openArchive();
    assertBalanced(rig, reopened);
    await assert.rejects(
      reopened.withFiles('events', {}, (paths) => rig.duckdb.parquet.badRows(paths, { limit: 1 })),
      new RegExp(`${path} \\(missing\\)`),
    );
    mkdirSync(join(rig.archiveDir, 'events', 'event_date=2026-06-01'), { recursive: true });
    writeFileSync(join(rig.archiveDir, 'events', path), 'short');
    await assert.rejects(
      reopened.withFiles('events', {}, (paths) => rig.duckdb.parquet.badRows(paths, { limit: 1 })),
      new RegExp(`${path} \\(5 bytes instead of 100\\)`),
    );
  }));

test('metrics filled from an archive that other programs have changed balance, and windows can be computed again', async () => {
  const harness = await MetricsHarness.open({ engine: 'duckdb', timeZone: 'UTC' });
  try {
    const atMs = Date.UTC(2026, 5, 2, 12);
    const line = (user: string, n: number) =>
      JSON.stringify({
        timestamp: atMs - n * 1000,
        event_type: 'search',
        event_id: randomUUID(),
        user_id: user,
      });
    const lines = Array.from({ length: 40 }, (_, n) => line(n % 4 === 0 ? 'anna' : 'bert', n));
    await harness.deliver({ atMs, lines: [...lines, 'not an event', 'not an event'] });
    await harness.waitUntilIdle();
    const archiveDir = join(harness.dir, 'archive');
    await changeTable(archiveDir, 'events', 'delete', "user_id = 'anna'");
    await changeTable(archiveDir, 'events', 'append', '3', 'by hand');
    await changeTable(archiveDir, 'bad_rows', 'delete', 'log_offset = 40');
    await harness.archive.refresh();
    assert.ok((await harness.diff()).differences > 0, 'the metrics have what is deleted');
    await harness.engine.rebuild(harness.archive, null, false);
    assert.equal((await harness.diff()).differences, 0);
    await harness.loseState();
    const { counted, duplicate, bad, deleted } = harness.engine.ledger();
    assert.deepEqual(
      { counted, duplicate, bad, deleted },
      {
        counted: { http: 30 },
        duplicate: {},
        bad: { http: 1 },
        deleted: { http: 11 },
      },
    );
    assert.equal((await harness.diff()).differences, 0);
    await harness.deliver({ atMs: atMs + 1000, lines: [line('anna', 0)] });
    await harness.waitUntilIdle();
    assert.equal((await harness.diff()).differences, 0);
  } finally {
    await harness.close();
  }
});
