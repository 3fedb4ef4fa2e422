import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomFrom, testSeed } from '../support/seed.ts';
import { CrashFiles } from './segments-crash-files.ts';
import { Ledger, openLog, temporaryDir } from './segments-support.ts';

const SEEDS = 50;
const CRASHES = 4;

/**
 * Runs the log on files that know what a power loss would leave, lets the power go at a random call, and opens the log
 * on what is left: again and again on the same files.
 */
test('a power loss at any moment loses nothing that was acknowledged', async () => {
  const seed = testSeed('power loss');
  let acked = 0;
  let lost = 0;
  for (let run = 0; run < SEEDS; run += 1) {
    const random = randomFrom(seed + run);
    const dir = temporaryDir();
    const ledger = new Ledger();
    let files = new CrashFiles();
    try {
      let id: string | null = null;
      for (let crash = 0; crash <= CRASHES; crash += 1) {
        files.failAfter(crash === CRASHES ? Number.POSITIVE_INFINITY : 5 + Math.floor(random() * 90));
        id = (await work(dir, files, ledger, random, `${crash}`)) ?? id;
        // After a mere kill all is still seen, on the disk or not.
        files = random() < 0.5 ? files.afterPowerLoss(random) : files.afterKill();
        const log = await openLog(dir, { files });
        assert.equal(log.id, id ?? log.id);
        id = log.id;
        const served = await ledger.check(log);
        await (random() < 0.5 ? log.close() : leave(log, files));
        files = files.afterPowerLoss(random);
        const again = await openLog(dir, { files });
        const kept = await ledger.check(again);
        // Whoever has read a line, such as the archive, may count on it.
        for (const [offset, text] of served) assert.equal(kept.get(offset), text, `offset ${offset}`);
        lost += again.status().lostLines;
        await again.close();
      }
      acked += ledger.acked();
    } catch (error) {
      throw new Error(`TILLSTREAM_TEST_SEED=${seed + run}`, { cause: error });
    }
  }
  assert.ok(acked > SEEDS);
  console.log(
    `power loss: ${acked} acknowledged blocks; ${lost} lines set aside that were never acknowledged`,
  );
});

test('a log that was opened keeps its id, wherever the process that made it was killed, and when the power goes later', async () => {
  const random = randomFrom(testSeed('id of a log'));
  for (let calls = 0; calls < 40; calls += 1) {
    const dir = temporaryDir();
    const first = new CrashFiles();
    first.failAfter(calls);
    await openLog(dir, { files: first }).then(
      (opened) => leave(opened, first),
      () => assert.ok(first.crashed),
    );
    const files = first.afterKill();
    const log = await openLog(dir, { files });
    await leave(log, files);
    for (let loss = 0; loss < 5; loss += 1) {
      const left = files.afterPowerLoss(random);
      const again = await openLog(dir, { files: left });
      assert.equal(again.id, log.id, `killed after ${calls} calls`);
      await leave(again, left);
    }
  }
});

async function work(
  dir: string,
  files: CrashFiles,
  ledger: Ledger,
  random: () => number,
  run: string,
): Promise<string | null> {
  const log = await openLog(dir, {
    files,
    config: { segment_bytes_max: 800 + Math.floor(random() * 2000) },
  }).catch((error) => {
    if (files.crashed) return null;
    throw error;
  });
  if (log === null) return null;
  for (let step = 0; step < 6 && log.status().state === 'ready'; step += 1) {
    const appends = Array.from({ length: 1 + Math.floor(random() * 4) }, (_, n) =>
      ledger.append(log, `${run}-${step}-${n}`, 1 + Math.floor(random() * 8)),
    );
    await Promise.all(appends);
  }
  await log.close();
  return log.id;
}

/** Ends a log without letting it write a word more. */
async function leave(log: { close(): Promise<void> }, files: CrashFiles): Promise<void> {
  files.failAfter(0);
  await log.close();
}
