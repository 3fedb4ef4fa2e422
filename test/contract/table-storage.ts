import assert from 'node:assert/strict';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { TableStorage } from '../../src/archive/storage/storage.ts';
import { realNow } from '../support/clock.ts';

export interface TableStorageUnderTest {
  name: string;
  /** Another writer of one and the same empty table each time. */
  open: () => Promise<TableStorage>;
  /** A local folder where files to publish may be made. */
  stagingDir: () => string;
  /** More files than a server gives in one answer; default: 1,010. */
  manyFiles?: number;
  /** What can go wrong between here and the server, where there is one. */
  faults?: {
    /** Opens the table over connections that break when so many bytes were sent; `cut` tells how often that was. */
    openCut: (afterBytes: number) => Promise<{ storage: TableStorage; cut: () => number }>;
    /** Opens the table so that the answer to the request that puts a file to its place is lost, so many times. */
    openLosing: (times: number) => Promise<{ storage: TableStorage; lost: () => number }>;
  };
}

const MIB = 1024 * 1024;
/** More than one part of what goes in parts. */
const BIG_BYTES = 21 * MIB + 17;

/** What every storage of a table must do. */
export function tableStorageContract({
  name,
  open: openStorage,
  stagingDir,
  manyFiles = 1010,
  faults,
}: TableStorageUnderTest): void {
  const withTwo = (run: (one: TableStorage, two: TableStorage) => Promise<void>) => async () =>
    run(await openStorage(), await openStorage());

  async function localFile(bytes: number): Promise<{ file: string; hash: string }> {
    await mkdir(stagingDir(), { recursive: true });
    const file = join(stagingDir(), randomUUID());
    const content = randomBytes(bytes);
    await using handle = await open(file, 'wx');
    await handle.writeFile(content);
    await handle.sync();
    return { file, hash: hashOf(content) };
  }

  const hashAt = (storage: TableStorage, path: string) =>
    storage.withLocal([path], async ([local]) => hashOf(await readFile(local!)));

  describe(`table storage: ${name}`, () => {
    it(
      'passes its check, and leaves nothing behind',
      withTwo(async (one) => {
        await one.check();
        assert.deepEqual(await one.list(''), []);
      }),
    );

    it(
      'has nothing where nothing is',
      withTwo(async (one) => {
        assert.equal(await one.read('missing/file.json'), null);
        assert.deepEqual(await one.list('missing'), []);
        await one.remove('missing/file.json');
        await assert.rejects(one.withLocal(['missing/file.json'], async ([path]) => readFile(path!)));
        assert.equal(await one.withLocal([], async (paths) => paths.length), 0);
      }),
    );

    it(
      'puts texts, replaces them and gives them back as they were',
      withTwo(async (one, two) => {
        for (const text of ['first', 'é€😀\n\\"', '', 'x'.repeat(300_000)]) {
          await one.put('put/text', text);
          assert.equal(await two.read('put/text'), text);
        }
        await two.remove('put/text');
        assert.equal(await one.read('put/text'), null);
      }),
    );

    it(
      'creates a file once, even if several try at the same time',
      withTwo(async (one, two) => {
        for (let round = 0; round < 6; round++) {
          const path = `_delta_log/${String(round).padStart(20, '0')}.json`;
          const texts = Array.from({ length: 16 }, (_, n) => `${round} ${n} ${'y'.repeat(n * 1000)}\n`);
          const results = await Promise.all(
            texts.map((text, n) => (n % 2 ? one : two).putIfAbsent(path, text)),
          );
          assert.equal(results.filter(Boolean).length, 1, `round ${round}: ${results}`);
          assert.equal(await one.read(path), texts[results.indexOf(true)]);
          assert.equal(await two.putIfAbsent(path, 'later'), false);
          assert.equal(await one.read(path), texts[results.indexOf(true)]);
        }
        assert.equal((await one.list('_delta_log')).length, 6, 'losers leave nothing');
      }),
    );

    it(
      'distinguishes callers with the same text',
      withTwo(async (one, two) => {
        const all = [one, two, one, two].map((storage) => storage.putIfAbsent('same/text', 'same'));
        assert.equal((await Promise.all(all)).filter(Boolean).length, 1);
      }),
    );

    it(
      'shows a published file whole or not at all, and moves it',
      withTwo(async (one, two) => {
        for (const bytes of [0, 1000, BIG_BYTES]) {
          const { file, hash } = await localFile(bytes);
          const path = `publish/${bytes}.parquet`;
          let isDone = false;
          const watching = (async () => {
            while (!isDone) {
              const seen = (await two.list('publish')).find((each) => each.path === path);
              assert.ok(!seen || seen.bytes === bytes, `${seen?.bytes} of ${bytes} bytes are visible`);
            }
          })();
          await one.publish(file, path).finally(() => {
            isDone = true;
          });
          await watching;
          assert.equal(await hashAt(two, path), hash);
          assert.ok(!existsSync(file), 'the local file is moved');
        }
        const { file, hash } = await localFile(500);
        await two.publish(file, 'publish/1000.parquet');
        assert.equal(await hashAt(one, 'publish/1000.parquet'), hash, 'replaces what was there');
      }),
    );

    it(
      'lists the files of one folder with size and time, not those below it',
      withTwo(async (one, two) => {
        const beforeMs = realNow();
        await one.put('list/a.json', '12345');
        await one.put('list/deeper/b.json', '1');
        await one.put('listed/c.json', '1');
        const files = await two.list('list');
        assert.deepEqual(
          files.map(({ path, bytes }) => ({ path, bytes })),
          [{ path: 'list/a.json', bytes: 5 }],
        );
        assert.ok(Math.abs(files[0]!.modifiedMs - beforeMs) < 60_000, `${files[0]!.modifiedMs}`);
        assert.deepEqual(
          (await two.list('list/deeper')).map(({ path }) => path),
          ['list/deeper/b.json'],
        );
      }),
    );

    it(
      'lists more files than a server gives in one answer',
      withTwo(async (one) => {
        const paths = Array.from({ length: manyFiles }, (_, n) => `many/${String(n).padStart(5, '0')}.json`);
        const waiting = [...paths];
        const work = async () => {
          for (let path = waiting.pop(); path; path = waiting.pop()) await one.put(path, '1');
        };
        await Promise.all(Array.from({ length: 16 }, work));
        assert.deepEqual((await one.list('many')).map(({ path }) => path).sort(), paths);
      }),
    );

    it(
      'accepts paths as Delta makes them, and others',
      withTwo(async (one, two) => {
        const folder = 'event_date=2026-11-23/a b+c%20d&e#f';
        const { file, hash } = await localFile(100);
        await one.publish(file, `${folder}/part-1 2.parquet`);
        assert.ok(await two.putIfAbsent(`${folder}/é=.json`, 'text'));
        assert.deepEqual((await two.list(folder)).map(({ path }) => path).sort(), [
          `${folder}/part-1 2.parquet`,
          `${folder}/é=.json`,
        ]);
        assert.equal(await hashAt(two, `${folder}/part-1 2.parquet`), hash);
        assert.equal(await one.read(`${folder}/é=.json`), 'text');
        await one.remove(`${folder}/é=.json`);
        assert.equal((await one.list(folder)).length, 1);
      }),
    );

    it(
      'gives local files for as long as they are used',
      withTwo(async (one) => {
        const paths = Array.from({ length: 40 }, (_, n) => `local/${n}.txt`);
        await Promise.all(paths.map((path) => one.put(path, `text of ${path}`)));
        const isLocal = await one.withLocal(paths, async (local) => {
          const texts = await Promise.all(local.map((path) => readFile(path, 'utf8')));
          assert.deepEqual(
            texts,
            paths.map((path) => `text of ${path}`),
          );
          assert.ok(local.every((path, n) => path.endsWith(paths[n]!)));
          return local;
        });
        const isStorage = (await one.list('local')).length === 40;
        assert.ok(isStorage);
        if (faults) assert.deepEqual(isLocal.filter(existsSync), [], 'copies are deleted after use');
        const failed: string[] = [];
        const use = one.withLocal(paths, async (local) => {
          failed.push(...local);
          throw new Error('of the user');
        });
        await assert.rejects(use, /of the user/);
        if (faults) assert.deepEqual(failed.filter(existsSync), [], 'also when the use fails');
      }),
    );

    it(
      'keeps what is in use or new when it removes leftovers',
      withTwo(async (one) => {
        await one.put('keep/a.json', 'a');
        await one.removeLeftovers(realNow() + 3_600_000);
        assert.equal(await one.read('keep/a.json'), 'a');
      }),
    );

    // A local folder has no connection that could break.
    if (!faults) return;

    it('never shows what a broken upload has left', async () => {
      const whole = await openStorage();
      for (const [bytes, afterBytes] of [
        [3 * MIB, MIB],
        [BIG_BYTES, 4 * MIB],
      ] as const) {
        const { storage, cut } = await faults.openCut(afterBytes);
        const { file, hash } = await localFile(bytes);
        await assert.rejects(storage.publish(file, 'broken/part.parquet'));
        assert.ok(cut() > 0, 'the connection was cut');
        // A server may finish what it has a moment later.
        for (let look = 0; look < 8; look++) {
          assert.deepEqual(await whole.list('broken'), []);
          await new Promise((resolve) => setTimeout(resolve, 400));
        }
        assert.ok(existsSync(file), 'the local file stays until it is published');
        await whole.publish(file, 'broken/part.parquet');
        assert.equal(await hashAt(whole, 'broken/part.parquet'), hash);
        await whole.remove('broken/part.parquet');
      }
      await whole.removeLeftovers(realNow() + 3_600_000);
    });

    it('finds out what became of a commit whose answer was lost', async () => {
      const other = await openStorage();
      for (const times of [1, 3]) {
        const { storage, lost } = await faults.openLosing(times);
        const path = `lost/${times}.json`;
        assert.equal(await storage.putIfAbsent(path, 'mine'), true, 'it was ours');
        assert.equal(lost(), times);
        assert.equal(await other.read(path), 'mine');
        assert.equal(await other.putIfAbsent(path, 'mine'), false);
        const taken = `taken/${times}.json`;
        await other.putIfAbsent(taken, 'theirs');
        const again = await faults.openLosing(times);
        assert.equal(await again.storage.putIfAbsent(taken, 'theirs'), false, 'it was not ours');
        assert.equal(await other.read(taken), 'theirs');
      }
    });
  });
}

function hashOf(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
