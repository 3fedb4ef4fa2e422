/** The archive on real servers: what deltalake and polars read there is what they read of a local one. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DeltaArchive } from '../../src/archive/delta/archive.ts';
import { hdfsArchiveConfig } from '../../src/archive/storage/hdfs/config.ts';
import { openHdfs } from '../../src/archive/storage/hdfs/hdfs-storage.ts';
import { WebHdfs } from '../../src/archive/storage/hdfs/webhdfs.ts';
import type { RemoteLimits } from '../../src/archive/storage/remote.ts';
import { REMOTE_LIMITS } from '../../src/archive/storage/remote.ts';
import { s3ArchiveConfig } from '../../src/archive/storage/s3/config.ts';
import { openS3 } from '../../src/archive/storage/s3/s3-storage.ts';
import { stream } from '../../tools/simulator/index.ts';
import { ArchiveRig } from '../support/archive-rig.ts';
import { testNow } from '../support/clock.ts';
import { copyDown } from '../support/copy-down.ts';
import { cli, configFile, startProduct, temporaryDir, until } from '../support/product.ts';
import { type ArchiveSeen, python, readArchive } from '../support/read-archive.ts';
import { startService } from '../support/services.ts';
import { itThorough } from '../support/thorough.ts';

interface Server {
  /** Config of an archive in a folder of that name. */
  config(folder: string): object;
  /** The storage of that archive. */
  open(folder: string, stagingDir: string, limits: RemoteLimits): ReturnType<typeof openS3>;
  read(folder: string, flags?: string[]): Promise<ArchiveSeen>;
  kill(): Promise<void>;
  restart(): Promise<void>;
}

const STARTS: Record<'hdfs' | 's3', () => Promise<Server>> = {
  async hdfs() {
    const { info, kill, restart } = await startService('hdfs');
    const hdfs = new WebHdfs({ url: info.url, user: 'shop', limits: REMOTE_LIMITS });
    const settings = (folder: string) => ({ url: info.url, path: `/${folder}/archive`, user: 'shop' });
    return {
      config: (folder) => ({ kind: 'hdfs', ...settings(folder) }),
      open: (folder, ...rest) => openHdfs(hdfsArchiveConfig.parse(settings(folder)), ...rest),
      async read(folder, flags) {
        const copy = temporaryDir();
        await copyDown(hdfs, `/${folder}/archive`, copy);
        return readArchive(copy, flags);
      },
      kill: () => kill('SIGKILL'),
      restart,
    };
  },
  async s3() {
    const { info, kill, restart } = await startService('s3');
    const { endpoint, bucket, access_key_id, secret_access_key } = info;
    const settings = (folder: string) => ({ ...info, prefix: `${folder}/archive` });
    return {
      config: (folder) => ({ kind: 's3', ...settings(folder) }),
      open: (folder, ...rest) => openS3(s3ArchiveConfig.parse(settings(folder)), ...rest),
      read: (folder, flags) =>
        readArchive(`s3://${bucket}/${folder}/archive`, flags, {
          AWS_ENDPOINT_URL: endpoint,
          AWS_ALLOW_HTTP: 'true',
          AWS_REGION: 'us-east-1',
          AWS_ACCESS_KEY_ID: access_key_id,
          AWS_SECRET_ACCESS_KEY: secret_access_key,
        }),
      kill: () => kill('SIGKILL'),
      restart,
    };
  },
};

const lines = [
  ...stream({
    seed: 5,
    count: 3000,
    startMs: Date.UTC(2026, 5, 1, 23),
    eventsPerSecond: 1,
    rates: { malformed: 0.02, late: 0.001, extraFields: 0.1 },
  }),
].map(({ line }) => line);

const WRITE_MS_MAX = 180_000;
const COMMITS = 25;
/** So that some of them are replaced by a checkpoint. */
const CHECKPOINT_EVERY = 10;

/** Receives the lines in groups, and archives each group. */
async function archiveAll(rig: ArchiveRig, archive: DeltaArchive, count: number, groupLines: number) {
  for (let at = 0; at < count; at += groupLines) {
    rig.nowMs = Date.UTC(2026, 5, 2) + at * 1000;
    await rig.receive(lines.slice(at, Math.min(at + groupLines, count)));
    assert.ok(await rig.archive(archive, groupLines));
  }
}

/** The log gives back what was received in one piece as one batch. */
async function receive(rig: ArchiveRig, from: number, to: number, groupLines: number) {
  for (let at = from; at < to; at += groupLines) await rig.receive(lines.slice(at, at + groupLines));
}

/** Fails when an offset is missing or there twice. */
function assertExactlyOnce(seen: ArchiveSeen, count: number): void {
  const offsets = [...seen.events.data, ...seen.bad_rows.data].map(([offset]) => Number(offset));
  assert.deepEqual(
    offsets.sort((a, b) => a - b),
    Array.from({ length: count }, (_, n) => n),
  );
}

/** Archives until everything is there, as the reader loop does: what fails is tried again. */
async function writeToEnd(rig: ArchiveRig, archive: DeltaArchive, count: number, groupLines: number) {
  const deadlineMs = performance.now() + WRITE_MS_MAX;
  while (archive.position(0) < count) {
    assert.ok(performance.now() < deadlineMs, `archived ${archive.position(0)} of ${count} lines`);
    await rig.archive(archive, groupLines).catch(() => sleep(50));
  }
}

for (const kind of ['s3', 'hdfs'] as const) {
  // A commit on HDFS takes ten times as long, and a killed one a minute to come back.
  const itOn = kind === 's3' ? it : itThorough;
  describe(`the archive on ${kind}`, () => {
    let server: Server;
    before(async () => {
      python();
      server = await STARTS[kind]();
    });

    const withRig = async (folder: string, run: (rig: ArchiveRig) => Promise<void>) => {
      const limits = { requestMsMax: 5000, totalMsMax: 5000 };
      const storages = (stagingDir: string) => server.open(folder, stagingDir, limits);
      const rig = await ArchiveRig.open(temporaryDir(), storages);
      try {
        await run(rig);
      } finally {
        await rig.close();
      }
    };

    it('holds the rows that a local one holds, through checkpoints, compaction and vacuum', () =>
      withRig('same', async (rig) => {
        const local = await ArchiveRig.open(temporaryDir());
        const [count, groupLines] = [20 * COMMITS, 20];
        await archiveAll(local, await local.openArchive(), count, groupLines);
        await local.close();
        const expected = await readArchive(local.archiveDir, ['rows']);

        rig.checkpointEvery = CHECKPOINT_EVERY;
        const archive = await rig.openArchive();
        await archive.check();
        await archiveAll(rig, archive, count, groupLines);
        const appId = `tillstream/${rig.log.id}/0`;
        const seen = await server.read('same', ['rows', `txn=${appId}`]);
        assert.deepEqual(seen.events.data, expected.events.data);
        assert.deepEqual(seen.bad_rows.data, expected.bad_rows.data);
        assert.equal(seen.events.txn[appId], Number(seen.events.offset_max));
        assert.ok(seen.events.version >= COMMITS, 'each group was a commit');

        const { filesBefore, filesAfter } = await archive.compact();
        assert.ok(filesBefore >= COMMITS && filesAfter < 20, `${filesBefore} became ${filesAfter}`);
        const compacted = await server.read('same', ['rows']);
        assert.deepEqual(compacted.events.data, expected.events.data);
        rig.nowMs = testNow() + 3 * 3_600_000;
        const { filesDeleted, logFilesDeleted } = await archive.vacuum(0);
        assert.ok(filesDeleted >= filesBefore, `${filesDeleted}`);
        assert.ok(logFilesDeleted >= CHECKPOINT_EVERY, 'those that a checkpoint has replaced are deleted');
        assertExactlyOnce(await server.read('same', ['rows']), count);

        const reopened = await rig.openArchive();
        assert.equal(reopened.position(0), count);
        assert.deepEqual(reopened.counts(), archive.counts());
        const sizes = await reopened.withFiles('events', {}, async (paths) => paths.length);
        assert.equal(sizes, reopened.status().tables.events.files);
      }));

    itOn('loses and doubles no row of two writers', () =>
      withRig('two', async (rig) => {
        await receive(rig, 0, 1500, 50);
        const [one, two] = [await rig.openArchive(), await rig.openArchive()];
        await Promise.all([writeToEnd(rig, one, 1500, 50), writeToEnd(rig, two, 1500, 50)]);
        assertExactlyOnce(await server.read('two', ['rows']), 1500);
      }),
    );

    itOn('goes on where it was when its server was killed and came back', () =>
      withRig('killed', async (rig) => {
        const archive = await rig.openArchive();
        for (let end = 1000; end <= lines.length; end += 1000) {
          await receive(rig, end - 1000, end, 40);
          const writing = writeToEnd(rig, archive, end, 40);
          await until(() => archive.position(0) > end - 900, 'appends go on', 60_000);
          await server.kill();
          assert.ok(archive.position(0) < end, 'it was killed in the middle');
          // Long enough for some appends to fail.
          await sleep(1500);
          await server.restart();
          await writing;
        }
        assertExactlyOnce(await server.read('killed', ['rows']), lines.length);
        assert.equal((await rig.openArchive()).position(0), lines.length);
      }),
    );

    itOn('is told by check, status and readyz when it is away, and catches up', async () => {
      const archive = server.config('product');
      const config = { archive, batch: { archive_every_ms: 200 } };
      const product = await startProduct({ dataDir: temporaryDir(), config });
      await product.send(`${lines.slice(0, 100).join('\n')}\n`);
      await product.settled();

      await server.kill();
      const ready = () => product.request('GET', '/readyz');
      await until(async () => (await ready()).status === 503, 'readyz tells, without any line', 90_000);
      assert.match((await ready()).text, /"archive":\{"state":"waiting"/);
      assert.match((await product.request('GET', '/v1/status')).text, /can't be reached/);
      const away = await cli(['check', '--config', configFile(config), '--data', temporaryDir(), '--json']);
      assert.equal(away.code, 1);
      assert.match(away.stdout, /The archive can't be used\..*can't be reached/);
      assert.doesNotMatch(`${away.stdout}${away.stderr}${product.output()}`, /secret_access_key|\n\s+at /);
      await product.send(`${lines.slice(100, 300).join('\n')}\n`);

      await server.restart();
      await until(async () => (await ready()).status === 200, 'ready again', 90_000);
      await product.settled();
      assert.equal(await product.stop(), 0);
      assertExactlyOnce(await server.read('product', ['rows']), 300);
    });

    // The commands are the same for each server; HDFS takes a minute to come back.
    if (kind === 'hdfs') return;
    it('keeps no command waiting while it is away, and the process stops on request', async () => {
      const dataDir = temporaryDir();
      const config = { archive: server.config('waiting'), batch: { archive_every_ms: 200 } };
      const product = await startProduct({ dataDir, config });
      await product.send(`nonsense\n${lines[50]}\n`);
      await product.settled();
      await server.kill();
      await product.send(`${lines.slice(0, 50).join('\n')}\n`);
      const measured = async () => (await product.ledger()).metrics.in_flight === 0;
      await until(measured, 'the metrics have what the archive lacks');
      const commands = [['rebuild', '--diff'], ['rebuild'], ['bad', 'list']];
      // All at once, as each of them waits for as long as a server is tried.
      const results = await Promise.all(
        commands.map((args) => cli([...args, '--data', dataDir], { timeoutMs: 90_000 })),
      );
      for (const [n, { code, stderr }] of results.entries()) {
        const args = commands[n]!;
        assert.equal(code, 1, `${args.join(' ')}: ${stderr}`);
        assert.match(stderr, /archive.*(can't be reached|waits|fails)/i, args.join(' '));
        assert.doesNotMatch(stderr, /inside Tillstream|\n {4}at /);
      }
      const down = await cli(['down', '--data', dataDir, '--json'], { timeoutMs: 120_000 });
      assert.equal(down.code, 0, down.stderr);
      assert.equal(down.json<{ waiting: { archive: number } }>().waiting.archive, 50);
      assert.equal(await product.exited, 0);
      await server.restart();
    });
  });
}
