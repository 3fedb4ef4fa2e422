/** The process that the kill tests kill. Arguments: append <dir> <run>, or lock <path> <journal> <rounds>. */
import { appendFileSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { segmentLogConfigSchema } from '../../src/log/segments/config.ts';
import { openSegmentLog } from '../../src/log/segments/log.ts';
import { acquireLock, LockHeldError } from '../../src/system/process-lock.ts';
import { testNow } from '../support/clock.ts';

const [task, path, argument, rounds] = process.argv.slice(2) as [string, string, string, string];

/** Appends from several callers without end, and says on stdout what was acknowledged. */
async function append(): Promise<void> {
  const config = segmentLogConfigSchema.parse({ disk_reserve_bytes: 0, segment_bytes_max: 30_000 });
  const log = await openSegmentLog({ dir: path, config, readers: [], now: testNow });
  writeSync(1, 'ready\n');
  const caller = async (name: number) => {
    for (let n = 0; ; n += 1) {
      const id = `${argument}-${name}-${n}`;
      const lines = 1 + ((n + name) % 9);
      const text = Array.from({ length: lines }, (_, line) => `{"id":"${id}","line":${line}}\n`).join('');
      const { firstOffset } = await log.append({ source: 'http', bytes: [Buffer.from(text)], lines });
      writeSync(1, `${id} ${lines} ${firstOffset}\n`);
    }
  };
  await Promise.all(Array.from({ length: 6 }, (_, name) => caller(name)));
}

/** Takes the lock again and again, notes when it holds it, and now and then dies with it. */
async function lock(): Promise<void> {
  for (let round = 0; round < Number(rounds); ) {
    try {
      const held = await acquireLock(path);
      appendFileSync(argument, `enter ${process.pid}\n`);
      await sleep(Math.random() * 4);
      if (Math.random() < 0.15) {
        appendFileSync(argument, `die ${process.pid}\n`);
        process.kill(process.pid, 'SIGKILL');
      }
      appendFileSync(argument, `leave ${process.pid}\n`);
      await held.release();
      round += 1;
    } catch (error) {
      if (!(error instanceof LockHeldError)) throw error;
    }
    await sleep(Math.random() * 3);
  }
}

await (task === 'append' ? append() : lock());
