import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { acquireLock, LockHeldError } from '../../src/system/process-lock.ts';
import { randomFrom, testSeed } from '../support/seed.ts';
import { openLog, readBlocks, temporaryDir } from './segments-support.ts';

const CHILD = fileURLToPath(new URL('./segments-child.ts', import.meta.url));

function child(...args: string[]): ChildProcess {
  return spawn(process.execPath, [CHILD, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
}

test('kill -9 at any moment: what was acknowledged is there, and the next start needs no manual step', async () => {
  const seed = testSeed('kill');
  const random = randomFrom(seed);
  const dir = temporaryDir();
  const acked = new Map<string, { lines: number; firstOffset: number }>();
  for (let round = 0; round < 20; round += 1) {
    const process_ = child('append', dir, `run${round}`);
    let output = '';
    process_.stdout!.setEncoding('latin1').on('data', (text: string) => {
      if (output === '') setTimeout(() => process_.kill('SIGKILL'), random() * 60);
      output += text;
    });
    const [, signal] = await once(process_, 'close');
    assert.equal(signal, 'SIGKILL');
    // A line that the kill cut off is no acknowledgement that anyone has seen.
    for (const line of output.split('\n').slice(1, -1)) {
      const [id, lines, firstOffset] = line.split(' ') as [string, string, string];
      acked.set(id, { lines: Number(lines), firstOffset: Number(firstOffset) });
    }
    // Every other time the next child finds the folder as the kill has left it.
    if (round % 2 === 0 && round < 19) continue;
    const log = await openLog(dir);
    const { blocks } = await readBlocks(log, 100_000);
    const found = new Map(blocks.map((block) => [block.id, block]));
    assert.equal(found.size, blocks.length, 'nothing is there twice');
    for (const [id, { lines, firstOffset }] of acked) {
      assert.deepEqual(found.get(id), { id, lines, firstOffset }, `seed ${seed}: ${id} was acknowledged`);
    }
    for (const { id } of blocks) {
      const [run, name, n] = id.split('-') as [string, string, string];
      // Sent implies that the caller's block before was acknowledged: each waits for its last one.
      if (Number(n) > 0) assert.ok(found.has(`${run}-${name}-${Number(n) - 1}`), `${id} has no predecessor`);
    }
    assert.equal(log.status().lostLines, 0);
    await log.close();
  }
  assert.ok(acked.size > 100, `${acked.size} acknowledged`);
});

test('a lock has one holder at a time, also when several starters find the one of a killed process', async () => {
  const dir = temporaryDir();
  const path = join(dir, 'lock');
  const journal = join(dir, 'journal');
  writeFileSync(journal, '');
  const worker = async () => {
    for (let restarts = 0; restarts < 8; restarts += 1) {
      const [code, signal] = await once(child('lock', path, journal, '12'), 'close');
      if (signal !== 'SIGKILL') {
        assert.equal(code, 0);
        return;
      }
    }
  };
  await Promise.all([worker(), worker(), worker(), worker()]);

  let holder: string | null = null;
  let deaths = 0;
  let entries = 0;
  for (const line of readFileSync(journal, 'utf8').trim().split('\n')) {
    const [event, pid] = line.split(' ') as [string, string];
    if (event === 'enter') {
      assert.equal(holder, null, `${pid} entered while ${holder} was in`);
      holder = pid;
      entries += 1;
    } else {
      assert.equal(holder, pid);
      holder = null;
      if (event === 'die') deaths += 1;
    }
  }
  assert.ok(entries > 40 && deaths > 0, `${entries} entries, ${deaths} deaths`);
  // What the killed ones left is cleaned up, but for what is younger than a minute.
  const numbered = readdirSync(dir).filter((name) => /^lock\.\d+$/.test(name));
  assert.equal(numbered.length, 1);
});

test('a live holder is named; a released, a torn and a reused-pid lock are taken', async () => {
  const dir = temporaryDir();
  const path = join(dir, 'lock');
  const first = await acquireLock(path);
  await assert.rejects(acquireLock(path), (error) => {
    return (
      error instanceof LockHeldError && error.pid === process.pid && /this same process/.test(error.message)
    );
  });
  await first.release();
  await (await acquireLock(path)).release();

  const holderFile = () => join(dir, readdirSync(dir).find((name) => /^lock\.\d+$/.test(name))!);
  writeFileSync(holderFile(), '{"pid":');
  const second = await acquireLock(path);
  const holder = JSON.parse(readFileSync(holderFile(), 'utf8'));
  await second.release();
  if (holder.started !== null) {
    // The pid of this process, but a process that started at another time.
    writeFileSync(holderFile(), JSON.stringify({ ...holder, started: '1' }));
    await (await acquireLock(path)).release();
  }
});

test('a holder that cannot be seen from here is known by its heartbeat', async () => {
  const dir = temporaryDir();
  const path = join(dir, 'lock');
  mkdirSync(dir, { recursive: true });
  const other = { pid: 1, started: '5', space: 'another container', host: `${hostname()}-2`, token: 'x' };
  writeFileSync(`${path}.7`, JSON.stringify(other));
  let beats = true;
  const beating = (async () => {
    const { utimes } = await import('node:fs/promises');
    for (let n = 0; beats; n += 1) {
      await sleep(100);
      await utimes(`${path}.7`, 1000 + n, 1000 + n);
    }
  })();
  await assert.rejects(acquireLock(path), /pid 1 on .*-2/);
  beats = false;
  await beating;
  const started = performance.now();
  const lock = await acquireLock(path, undefined, { staleMs: 600 });
  assert.ok(performance.now() - started >= 500);
  await lock.release();
});

test('a holder that slept while its lock was taken notices it', async () => {
  const path = join(temporaryDir(), 'lock');
  const lost = Promise.withResolvers<void>();
  const lock = await acquireLock(path, lost.resolve, { beatMs: 20 });
  writeFileSync(`${path}.99`, '{"pid":1}');
  await lost.promise;
  await lock.release();
  assert.equal(readFileSync(`${path}.99`, 'utf8'), '{"pid":1}');
});

test('a folder in use is refused with the pid of the other process', async () => {
  const dir = temporaryDir();
  const process_ = child('append', dir, 'other');
  await once(process_.stdout!, 'data');
  await assert.rejects(openLog(dir), new RegExp(`pid ${process_.pid}\\b`));
  process_.kill('SIGKILL');
  await once(process_, 'close');
  await (await openLog(dir)).close();
});
