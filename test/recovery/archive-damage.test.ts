/** The archive after failures of the disk: it names the file and what is wrong, and never archives a line twice. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { DeltaArchive } from '../../src/archive/delta/archive.ts';
import { localStorage } from '../../src/archive/storage/local/local-storage.ts';
import { RemoteError } from '../../src/archive/storage/remote.ts';
import type { TableStorage } from '../../src/archive/storage/storage.ts';
import { newestBadRows } from '../../src/consumers/newest-bad-rows.ts';
import { sumCounts } from '../../src/log/offset.ts';
import { ArchiveRig } from '../support/archive-rig.ts';
import { temporaryDir } from '../support/product.ts';

type Wrap = (storage: TableStorage, table: string) => TableStorage;

async function withRig(run: (rig: ArchiveRig) => Promise<void>, wrap?: Wrap): Promise<void> {
  const dir = temporaryDir();
  const storages =
    wrap &&
    ((staging: string) => (table: 'events' | 'bad_rows') =>
      wrap(localStorage(join(dir, 'archive', table), staging), table));
  const rig = await ArchiveRig.open(dir, storages);
  try {
    await run(rig);
  } finally {
    await rig.close();
  }
}

async function receive(rig: ArchiveRig, count: number): Promise<void> {
  await rig.receive(
    Array.from({ length: count }, (_, n) =>
      n % 5 === 4
        ? 'not an event'
        : JSON.stringify({ timestamp: rig.nowMs, event_type: 'search', event_id: randomUUID() }),
    ),
  );
}

function assertComplete(rig: ArchiveRig, archive: DeltaArchive): void {
  const { events, bad_rows } = archive.counts();
  const lines = rig.log.partitions()[0]!.end;
  assert.equal(archive.position(0), lines);
  assert.equal(sumCounts(events) + sumCounts(bad_rows), lines);
  assert.deepEqual(archive.changed(), { deleted: {}, added: {} });
}

/** Fails what is asked of the storage with EIO, so many times. */
interface Faults {
  table: string;
  /** After the commit file is there, as an fsync of its folder does. */
  afterCommit: number;
  beforeCommit: number;
  read: number;
  put: number;
}

function failing(faults: Faults): Wrap {
  const fail = (kind: 'afterCommit' | 'beforeCommit' | 'read' | 'put', table: string) => {
    if (faults.table !== table || faults[kind] === 0) return;
    faults[kind]--;
    throw Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO' });
  };
  return (storage, table) => ({
    ...storage,
    async read(path) {
      fail('read', table);
      return storage.read(path);
    },
    async put(path, text) {
      fail('put', table);
      return storage.put(path, text);
    },
    async putIfAbsent(path, text) {
      fail('beforeCommit', table);
      const isCreated = await storage.putIfAbsent(path, text);
      fail('afterCommit', table);
      return isCreated;
    },
  });
}

const none: Faults = { table: 'events', afterCommit: 0, beforeCommit: 0, read: 0, put: 0 };

for (const table of ['events', 'bad_rows']) {
  test(`a commit of ${table} that was written, but failed after that, is taken as done`, () => {
    const faults = { ...none, table };
    return withRig(async (rig) => {
      const archive = await rig.openArchive();
      await receive(rig, 50);
      faults.afterCommit = 1;
      assert.ok(await rig.archive(archive, 50));
      assertComplete(rig, archive);
      assert.equal(archive.status().message, '');
    }, failing(faults));
  });

  test(`while it is not known whether a commit of ${table} was written, nothing is archived; then nothing twice`, () => {
    const faults = { ...none, table };
    return withRig(async (rig) => {
      const archive = await rig.openArchive();
      await receive(rig, 50);
      Object.assign(faults, { afterCommit: 1, put: 3 });
      await assert.rejects(
        rig.archive(archive, 50),
        new RegExp(`table ${table}: it is not known whether commit 1 was written: the disk reports an error`),
      );
      await assert.rejects(rig.archive(archive, 50), /EIO/);
      // More lines come meanwhile, so that the next batch is another one.
      await receive(rig, 30);
      await assert.rejects(rig.archive(archive, 80), /EIO/);
      assert.equal(archive.position(0), 0);
      while (await rig.archive(archive, 80));
      assertComplete(rig, archive);
      assertComplete(rig, await rig.openArchive());
    }, failing(faults));
  });

  test(`a commit of ${table} that failed before it was written is made again`, () => {
    const faults = { ...none, table };
    return withRig(async (rig) => {
      const archive = await rig.openArchive();
      await receive(rig, 50);
      faults.beforeCommit = 1;
      await assert.rejects(
        rig.archive(archive, 50),
        new RegExp(`table ${table}: .* commit 1.*the disk reports an error`),
      );
      assert.ok(await rig.archive(archive, 50));
      assertComplete(rig, archive);
    }, failing(faults));
  });
}

const log = (rig: ArchiveRig, table = 'events') => join(rig.archiveDir, table, '_delta_log');
const commit = (version: number) => `${String(version).padStart(20, '0')}.json`;

async function archiveSome(rig: ArchiveRig, commits: number): Promise<DeltaArchive> {
  const archive = await rig.openArchive();
  for (let n = 0; n < commits; n++) {
    await receive(rig, 10);
    await rig.archive(archive, 10);
  }
  return archive;
}

for (const version of [0, 1, 2, 4]) {
  test(`a start where commit ${version} of 0 to 5 is missing names its file, and changes nothing`, () =>
    withRig(async (rig) => {
      await archiveSome(rig, 5);
      const file = join(log(rig), commit(version));
      const text = readFileSync(file);
      rmSync(file);
      const before = readdirSync(rig.archiveDir, { recursive: true }).sort();
      await assert.rejects(rig.openArchive(), (error: Error) => {
        assert.ok(error.message.includes(`${file} is missing`), error.message);
        assert.match(error.message, /Put this file back from a backup/);
        return true;
      });
      assert.deepEqual(readdirSync(rig.archiveDir, { recursive: true }).sort(), before);
      writeFileSync(file, text);
      assertComplete(rig, await rig.openArchive());
    }));
}

const DAMAGE: Record<string, (text: string) => string> = {
  'is empty': () => '',
  'is cut in the middle': (text) => text.slice(0, text.length >> 1),
  'lacks its last line': (text) => `${text.trimEnd().split('\n').slice(0, -1).join('\n')}\n`,
  'has another digit': (text) => text.replace(/"numRecords\\":(\d)/, (_, n) => `"numRecords\\":${9 - n}`),
  'has an unreadable byte': (text) => text.replace('"add":{', '"add"\0{'),
};
for (const [what, damage] of Object.entries(DAMAGE)) {
  test(`a commit file that ${what} is named at the start`, () =>
    withRig(async (rig) => {
      await archiveSome(rig, 3);
      const file = join(log(rig), commit(2));
      const text = readFileSync(file, 'utf8');
      writeFileSync(file, damage(text));
      assert.notEqual(readFileSync(file, 'utf8'), text);
      await assert.rejects(rig.openArchive(), (error: Error) => {
        assert.ok(error.message.includes(`${file} is damaged`), error.message);
        return true;
      });
    }));
}

test('a pointer to a checkpoint that is damaged or names a missing one stops no start', () =>
  withRig(async (rig) => {
    await archiveSome(rig, 5);
    for (const text of [
      '',
      '{"ver',
      '{"version":4,"size":3}',
      '{"version":4,"size":3,"parts":3}',
      '[]',
      'null',
    ]) {
      writeFileSync(join(log(rig), '_last_checkpoint'), text);
      assertComplete(rig, await rig.openArchive());
    }
  }));

test('a damaged checkpoint is passed over while the commits are there, and named when they are not', () =>
  withRig(async (rig) => {
    rig.checkpointEvery = 10;
    await archiveSome(rig, 11);
    const file = join(log(rig), `${commit(10).slice(0, -5)}.checkpoint.parquet`);
    const whole = readFileSync(file);
    for (const part of [0.99, 0.5, 0]) {
      truncateSync(file, Math.floor(whole.length * part));
      assertComplete(rig, await rig.openArchive());
    }
    renameSync(join(log(rig), commit(5)), join(rig.dir, 'commit'));
    await assert.rejects(
      rig.openArchive(),
      /00000000000000000005\.json is missing.*checkpoints after it can't be read: \S+10\.checkpoint\.parquet/,
    );
    rmSync(join(log(rig), commit(0)));
    writeFileSync(file, whole);
    assertComplete(rig, await rig.openArchive());
  }));

test('a checkpoint that can’t be written is reported, and retried after the next commit', () => {
  let fails = 1;
  return withRig(
    async (rig) => {
      const warnings: string[] = [];
      rig.onWarn = (message) => warnings.push(message);
      rig.checkpointEvery = 10;
      await archiveSome(rig, 11);
      assert.match(warnings.join('\n'), /checkpoint could not be written; it will be retried/);
      assert.ok(readdirSync(log(rig)).some((name) => name.endsWith('.checkpoint.parquet')));
    },
    (storage, table) => ({
      ...storage,
      async put(path, text) {
        if (table === 'events' && fails-- > 0) throw new Error('ENOSPC: no space left on device');
        return storage.put(path, text);
      },
    }),
  );
});

test('while the server of the archive is away, reading it names the server, and works again after that', () => {
  let isAway = false;
  const away = new RemoteError('HDFS at http://namenode:9870 does not answer (ECONNREFUSED).', true);
  return withRig(
    async (rig) => {
      const archive = await archiveSome(rig, 3);
      const list = () => newestBadRows(archive, rig.duckdb.parquet, { limit: 10 });
      const before = await list();
      assert.equal(before.length, 6);
      isAway = true;
      await assert.rejects(list(), {
        name: 'ArchiveError',
        message: "The archive can't be read. HDFS at http://namenode:9870 does not answer (ECONNREFUSED).",
      });
      isAway = false;
      assert.deepEqual(await list(), before);
    },
    (storage) => ({
      ...storage,
      withLocal: (paths, use) => (isAway ? Promise.reject(away) : storage.withLocal(paths, use)),
    }),
  );
});
