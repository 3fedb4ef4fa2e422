import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { Ledger } from '../../src/telemetry/ledger.ts';
import { childEnv, cli, MAIN, startProduct, temporaryDir } from '../support/product.ts';
import { randomFrom, testSeed } from '../support/seed.ts';

const LINES = 200_000;
const START_MS = Date.UTC(2024, 10, 1);

interface Loaded {
  received: number;
  events: number;
  bad_rows: number;
  duplicates: number;
  files: { stored_before: number; cut?: string }[];
  ledger: Ledger;
}

/** An export without ids: nothing but its place tells two rows apart. */
function exportLine(n: number): string {
  const time = new Date(START_MS + n * 1000).toISOString();
  return `${time},${n % 20 === 0 ? 'purchase' : 'view_product'},u${n % 700},p${n % 90},${n % 20 === 0 ? '19.90' : ''},EUR`;
}

function writeExport(path: string, lines: number): void {
  const rows = Array.from({ length: lines }, (_, n) => exportLine(n));
  writeFileSync(path, `timestamp,event_type,user_id,product_id,amount,currency\n${rows.join('\n')}\n`);
}

/** Starts a load and kills it after some time; whether it was killed before its end. */
async function killedLoad(file: string, dataDir: string, afterMs: number): Promise<boolean> {
  const child = spawn(process.execPath, [MAIN, 'load', file, '--data', dataDir, '--json'], {
    env: childEnv(),
    stdio: 'ignore',
  });
  const exited = once(child, 'exit');
  await Promise.race([exited, sleep(afterMs)]);
  child.kill('SIGKILL');
  const [, signal] = await exited;
  return signal === 'SIGKILL';
}

async function load(dataDir: string, ...args: string[]): Promise<Loaded> {
  return loadEnding(0, dataDir, ...args);
}

async function loadEnding(expected: number, dataDir: string, ...args: string[]): Promise<Loaded> {
  const { code, stdout, stderr } = await cli(['load', ...args, '--data', dataDir, '--json'], {
    timeoutMs: 300_000,
  });
  assert.equal(code, expected, stderr);
  return JSON.parse(stdout) as Loaded;
}

async function countedEvents(dataDir: string): Promise<number> {
  const ledger = (await cli(['ledger', '--data', dataDir, '--json'])).json<Ledger>();
  assert.ok(ledger.balanced);
  return ledger.metrics.counted;
}

test('a load that is killed again and again has every record once', async (t) => {
  const seed = testSeed('load-resume');
  const random = randomFrom(seed);
  const dataDir = temporaryDir();
  const file = join(temporaryDir(), 'export.csv');
  writeExport(file, LINES);
  let kills = 0;
  for (let n = 0; n < 6; n++) if (await killedLoad(file, dataDir, 600 + random() * 5000)) kills++;
  t.diagnostic(`${kills} kills`);
  assert.ok(kills > 0);
  const { files, ledger } = await load(dataDir, file);
  assert.ok(ledger.balanced);
  assert.equal(await countedEvents(dataDir), LINES);
  t.diagnostic(`${files[0]!.stored_before} records were stored before the last load`);
  const again = await load(dataDir, file);
  assert.deepEqual([again.received, again.files[0]!.stored_before], [0, LINES]);
  const forced = await load(dataDir, file, '--again');
  assert.deepEqual([forced.received, forced.duplicates], [LINES, LINES]);
  assert.equal(await countedEvents(dataDir), LINES);
});

test('a file that was truncated, has grown or is now compressed gives only its new records', async () => {
  const dataDir = temporaryDir();
  const file = join(temporaryDir(), 'export.csv');
  writeExport(file, 5000);
  const whole = readFileSync(file);
  truncateSync(file, whole.length - 20);
  const cut = await load(dataDir, file);
  assert.deepEqual([cut.received, cut.bad_rows], [5000, 1]);
  writeFileSync(file, whole);
  const completed = await load(dataDir, file);
  assert.deepEqual([completed.received, completed.events, completed.files[0]!.stored_before], [1, 1, 4999]);
  appendFileSync(file, `${exportLine(5000)}\n`);
  const grown = await load(dataDir, file);
  assert.deepEqual([grown.received, grown.files[0]!.stored_before], [1, 5000]);
  const packed = join(temporaryDir(), 'other-name');
  const zip = gzipSync(readFileSync(file));
  writeFileSync(packed, zip.subarray(0, zip.length - 100));
  const half = await loadEnding(1, dataDir, packed);
  // The beginning of what is loaded is known by its records.
  assert.equal(half.duplicates, half.events);
  assert.match(half.files[0]!.cut!, /cut/);
  writeFileSync(packed, zip);
  assert.equal((await load(dataDir, packed)).received, 0);
  assert.equal(await countedEvents(dataDir), 5001);
});

test('a load beside a running process continues after a kill of either', async () => {
  const dataDir = temporaryDir();
  const file = join(temporaryDir(), 'export.csv');
  writeExport(file, 60_000);
  const product = await startProduct({ dataDir });
  await killedLoad(file, dataDir, 900);
  await product.kill();
  const restarted = await startProduct({ dataDir });
  await killedLoad(file, dataDir, 700);
  const { ledger } = await load(dataDir, file);
  assert.ok(ledger.balanced);
  assert.equal(ledger.metrics.counted, 60_000);
  await restarted.stop();
  assert.equal(readdirSync(join(dataDir, 'loads')).length >= 1, true);
});
