import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { RemoteError, retried, withCopies } from './remote.ts';

const LIMITS = { requestMsMax: 1000, totalMsMax: 1000 };

test('temporary errors are retried until the call works or the time is over; permanent ones are not', async () => {
  let tries = 0;
  const failing = (isTransient: boolean, times: number) => async () => {
    if (tries++ < times) throw new RemoteError(`try ${tries}`, isTransient);
    return 'done';
  };
  assert.equal(await retried(LIMITS, failing(true, 2)), 'done');
  assert.equal(tries, 3);
  tries = 0;
  await assert.rejects(retried(LIMITS, failing(false, 2)), /try 1/);
  const startedMs = performance.now();
  await assert.rejects(retried(LIMITS, failing(true, Infinity)), /try \d/);
  assert.ok(performance.now() - startedMs < 1500);
  await assert.rejects(
    retried(LIMITS, () => Promise.reject(new TypeError('ours'))),
    /ours/,
  );
});

test('copies are gone after use, after a failed use and after a failed download', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'tillstream-copies-'));
  try {
    const download = (path: string, target: string) =>
      path === 'a/bad' ? Promise.reject(new Error('no such file')) : writeFile(target, path);
    const seen = await withCopies(dir, ['a/1', 'b=2/1'], download, async (local) => {
      assert.deepEqual(await Promise.all(local.map((path) => readFile(path, 'utf8'))), ['a/1', 'b=2/1']);
      return local;
    });
    assert.deepEqual(seen.filter(existsSync), []);
    await assert.rejects(
      withCopies(dir, ['a/1', 'a/bad'], download, async () => assert.fail()),
      /no such file/,
    );
    await assert.rejects(
      withCopies(dir, ['a/1'], download, () => Promise.reject(new Error('used'))),
      /used/,
    );
  } finally {
    await rm(dir, { recursive: true });
  }
});
