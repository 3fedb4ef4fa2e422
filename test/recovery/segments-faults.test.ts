import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventLog } from '../../src/log/event-log.ts';
import { type LogFiles, nodeFiles } from '../../src/log/segments/files.ts';
import { until } from '../support/product.ts';
import { Ledger, openLog, temporaryDir } from './segments-support.ts';

type Fault = 'EIO' | 'ENOSPC' | 'short' | 'short, then ENOSPC';
interface FaultyFiles {
  files: LogFiles;
  calls: () => number;
  failed: () => string;
}

/** The real files, of which the `nth` call fails; with `lasting`, all later ones of its kind too, until `heal`. */
function faulty(nth: number, fault: Fault, lasting: boolean, healed: { value: boolean }): FaultyFiles {
  let calls = 0;
  let failed = '';
  const files = {} as Record<string, unknown>;
  for (const [name, call] of Object.entries(nodeFiles)) {
    files[name] = async (...args: unknown[]) => {
      calls += 1;
      const hit = calls === nth || (lasting && failed === name && !healed.value);
      if (hit && (fault === 'EIO' || fault === 'ENOSPC')) {
        failed = name;
        throw Object.assign(new Error(`${fault}: injected into ${name}`), { code: fault });
      }
      if (hit && name === 'write') {
        failed = name;
        const [fd, buffers, position] = args as Parameters<LogFiles['write']>;
        const all = Buffer.concat(buffers);
        const written = await nodeFiles.write(fd, [all.subarray(0, Math.ceil(all.length / 2))], position);
        if (fault === 'short') return written;
        throw Object.assign(new Error('ENOSPC: injected after half of a write'), { code: 'ENOSPC' });
      }
      return await (call as (...all: unknown[]) => Promise<unknown>)(...args);
    };
  }
  return { files: files as unknown as LogFiles, calls: () => calls, failed: () => failed };
}

/** Opens, appends in groups over several segments, reads on the way, closes. Returns false when it did not open. */
async function scenario(
  dir: string,
  ledger: Ledger,
  files: LogFiles,
  healed: { value: boolean },
  run: string,
) {
  let log: EventLog;
  try {
    log = await openLog(dir, { files, config: { segment_bytes_max: 900 }, spaceCheckMs: 2 });
  } catch {
    return;
  }
  for (let step = 0; step < 5; step += 1) {
    const ids = [0, 1, 2].map((n) => `${run}-${step}-${n}`);
    await Promise.all(ids.map((id, n) => ledger.append(log, id, 1 + n)));
    await log.read(0, 0, { bytesMax: 500, linesMax: 100 }).catch(() => undefined);
    if (step === 2) healed.value = true;
    if (log.status().state === 'full') await sleep(8);
  }
  await log.close();
}

for (const fault of ['EIO', 'ENOSPC', 'short', 'short, then ENOSPC'] as const) {
  for (const lasting of fault.startsWith('short') ? [false] : [false, true]) {
    test(`${fault} at any call on files${lasting ? ', lasting' : ''}`, async () => {
      const hit = new Set<string>();
      // A log that exists already, so that opening meets the fault as well.
      const start = temporaryDir();
      const sentBefore = new Ledger();
      await scenario(start, sentBefore, nodeFiles, { value: true }, 'before');
      assert.equal(sentBefore.acked(), 15);
      for (let nth = 1; ; nth += 1) {
        const dir = temporaryDir();
        cpSync(start, dir, { recursive: true });
        const ledger = new Ledger(sentBefore);
        const healed = { value: false };
        const { files, calls, failed } = faulty(nth, fault, lasting, healed);
        await scenario(dir, ledger, files, healed, 'during');
        const during = ledger.acked() - 15;
        // A full disk heals by itself: the appends of the last steps, at least, are taken.
        if (fault.endsWith('ENOSPC') && failed() === 'write')
          assert.ok(during >= 3, `call ${nth}: ${during}`);
        if (fault === 'short') assert.equal(during, 15);
        hit.add(failed());
        const log = await openLog(dir);
        try {
          await ledger.check(log);
          assert.equal(log.status().lostLines, 0);
          await ledger.append(log, 'after', 2);
          await ledger.check(log);
        } catch (error) {
          throw new Error(`with call ${nth} (${failed()}) failing`, { cause: error });
        } finally {
          await log.close();
        }
        rmSync(dir, { recursive: true });
        if (calls() < nth) break;
      }
      assert.ok(hit.has('write'));
    });
  }
}

test('after a failed fsync nothing more is written, until the log is opened again', async () => {
  const dir = temporaryDir();
  const ledger = new Ledger();
  let broken = false;
  let writesAfter = 0;
  let syncs = 0;
  const files: LogFiles = {
    ...nodeFiles,
    async fdatasync(fd) {
      if (broken) syncs += 1;
      if (broken && syncs === 1) throw Object.assign(new Error('EIO: injected'), { code: 'EIO' });
      await nodeFiles.fdatasync(fd);
    },
    write(fd, buffers, position) {
      if (syncs > 0) writesAfter += 1;
      return nodeFiles.write(fd, buffers, position);
    },
  };
  const log = await openLog(dir, { files });
  await ledger.append(log, 'good', 2);
  broken = true;
  await Promise.all(['bad1', 'bad2'].map((id) => ledger.append(log, id, 1)));
  assert.equal(log.status().state, 'failed');
  assert.match(log.status().message, /the disk reports an error/);
  await assert.rejects(log.append({ source: 'http', bytes: [Buffer.from('{}\n')], lines: 1 }), {
    code: 'log_failed',
  });
  await ledger.check(log);
  await log.close();
  assert.equal(writesAfter, 0);
  assert.equal(syncs, 1);
  const again = await openLog(dir);
  assert.equal(again.status().state, 'ready');
  await ledger.append(again, 'again', 1);
  await ledger.check(again);
  await again.close();
});

test('a full disk refuses, keeps nothing of what it refused, and continues when there is space', async () => {
  const dir = temporaryDir();
  const ledger = new Ledger();
  let room = 1500;
  const files: LogFiles = {
    ...nodeFiles,
    async write(fd, buffers, position) {
      const all = Buffer.concat(buffers);
      const fits = Math.min(room, all.length);
      if (fits === 0) throw Object.assign(new Error('ENOSPC: injected'), { code: 'ENOSPC' });
      room -= fits;
      return await nodeFiles.write(fd, [all.subarray(0, fits)], position);
    },
  };
  const log = await openLog(dir, { files, spaceCheckMs: 5 });
  for (let n = 0; n < 20; n += 1) await ledger.append(log, `a${n}`, 2);
  assert.ok(ledger.acked() > 2 && ledger.acked() < 20);
  await assert.rejects(log.append({ source: 'http', bytes: [Buffer.from('{}\n')], lines: 1 }), {
    code: 'log_full',
  });
  assert.equal(log.status().state, 'full');
  assert.notEqual(log.status().message, '');
  await ledger.check(log);
  room = 1_000_000;
  await until(() => log.status().state === 'ready', 'the log to take lines again');
  for (let n = 0; n < 20; n += 1) await ledger.append(log, `b${n}`, 2);
  await ledger.check(log);
  await log.close();
  const again = await openLog(dir);
  await ledger.check(again);
  await again.close();
});
