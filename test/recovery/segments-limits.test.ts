import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventLog } from '../../src/log/event-log.ts';
import { segmentLogConfigSchema } from '../../src/log/segments/config.ts';
import { type LogFiles, nodeFiles } from '../../src/log/segments/files.ts';
import { FORMAT_VERSION } from '../../src/log/segments/format.ts';
import { until } from '../support/product.ts';
import { Ledger, openLog, readBlocks, temporaryDir, textOf } from './segments-support.ts';

const HOUR_MS = 3_600_000;

async function fill(log: EventLog, blocks: number, name = 'block', lines = 5): Promise<void> {
  for (let n = 0; n < blocks; n += 1) {
    await log.append({ source: 'http', bytes: [Buffer.from(textOf(`${name}${n}`, lines))], lines });
  }
}

test('retention by size deletes whole old segments, never what a reader needs', async () => {
  const dir = temporaryDir();
  const options = { readers: ['archive', 'metrics'], config: { retention: { max_bytes: 5000 } } };
  const log = await openLog(dir, options);
  await fill(log, 60);
  const { end } = log.partitions()[0]!;
  log.retain('archive', { 0: end });
  await sleep(30);
  assert.equal(log.partitions()[0]!.start, 0, 'metrics has not said yet what it needs');
  log.retain('metrics', { 0: 100 });
  await until(() => log.partitions()[0]!.start > 0, 'the old segments to go');
  await sleep(30);
  const { start } = log.partitions()[0]!;
  assert.ok(start > 50 && start <= 100, `start ${start}`);
  assert.ok(log.status().bytes > 5000, 'more than the limit, as a reader needs it');
  assert.deepEqual(
    (await log.read(0, 100, { bytesMax: 1, linesMax: 1 })).map((batch) => batch.firstOffset),
    [100],
  );
  log.retain('metrics', { 0: end });
  await until(() => log.status().bytes <= 5000, 'the limit');
  const kept = log.partitions()[0]!.start;
  assert.equal((await readBlocks(log)).blocks[0]!.firstOffset, kept);
  assert.deepEqual({ ...(await log.receivedBefore({ 0: kept })) }, { http: kept });
  await assert.rejects(log.receivedBefore({ 0: kept - 1 }), RangeError);
  // Deleted lines are skipped, as lost ones are.
  assert.equal((await log.read(0, 0, { bytesMax: 1, linesMax: 1 }))[0]!.firstOffset, kept);
  await log.close();

  const again = await openLog(dir, options);
  assert.deepEqual(again.partitions(), [{ partition: 0, start: kept, end }]);
  assert.deepEqual({ ...again.received() }, { http: end });
  assert.equal(again.status().lostLines, 0);
  await again.close();
});

test('retention by age looks at when lines were received, also after a restart', async () => {
  const dir = temporaryDir();
  let now = 1_000 * HOUR_MS;
  const options = { now: () => now, readers: ['archive'], config: { retention: { max_age_hours: 10 } } };
  let log = await openLog(dir, options);
  await fill(log, 20, 'old');
  now += 8 * HOUR_MS;
  await fill(log, 20, 'new');
  await log.close();
  log = await openLog(dir, options);
  log.retain('archive', { 0: 200 });
  await sleep(30);
  assert.equal(log.partitions()[0]!.start, 0);
  now += 3 * HOUR_MS;
  log.retain('archive', { 0: 200 });
  await until(() => log.partitions()[0]!.start > 50, 'the old segments to go');
  await sleep(30);
  assert.ok(log.partitions()[0]!.start <= 100, 'the segment in which the new ones begin stays');
  assert.equal((await readBlocks(log)).blocks.filter(({ id }) => id.startsWith('new')).length, 20);
  await log.close();
});

test('a reader that is in a segment while it is deleted continues after it', async () => {
  const log = await openLog(temporaryDir(), { readers: ['a'], config: { retention: { max_bytes: 1 } } });
  await fill(log, 60);
  const reading = Array.from({ length: 20 }, (_, n) => log.read(0, n * 10, { bytesMax: 100, linesMax: 1 }));
  log.retain('a', { 0: 300 });
  for (const [n, batches] of (await Promise.all(reading)).entries())
    assert.ok(batches[0]!.firstOffset >= n * 10);
  await log.close();
});

test('below the disk reserve the log refuses; the free space is asked for seldom', async () => {
  let free = 10_000_000;
  let asked = 0;
  const files: LogFiles = {
    ...nodeFiles,
    async freeBytes() {
      asked += 1;
      return free;
    },
  };
  const config = { disk_reserve_bytes: 1_000_000 };
  const log = await openLog(temporaryDir(), { files, config, spaceCheckMs: 5 });
  await fill(log, 100);
  assert.ok(asked <= 2, `asked ${asked} times`);
  const big = Buffer.from(textOf('big', 400_000));
  await assert.rejects(log.append({ source: 'http', bytes: [big], lines: 400_000 }), { code: 'log_full' });
  await until(() => log.status().state === 'ready', 'the log to take lines again');
  await fill(log, 1);
  free = 999_999;
  await sleep(1_050);
  await assert.rejects(fill(log, 1), { code: 'log_full' });
  assert.equal(log.status().state, 'full');
  assert.match(log.status().message, /reserve/);
  await sleep(30);
  await assert.rejects(fill(log, 1), { code: 'log_full' });
  free = 10_000_000;
  await until(() => log.status().state === 'ready', 'the log to take lines again');
  await fill(log, 1);
  assert.equal(log.partitions()[0]!.end, 102 * 5);
  await log.close();
});

test('a queue above its limit refuses with log_busy, and keeps what it took', async () => {
  const ledger = new Ledger();
  const log = await openLog(temporaryDir(), { config: { queue_bytes_max: 1000 } });
  await Promise.all(Array.from({ length: 50 }, (_, n) => ledger.append(log, `q${n}`, 4)));
  assert.ok(ledger.acked() >= 5 && ledger.acked() < 50, `${ledger.acked()} of 50`);
  // One block may be larger than the queue.
  await ledger.append(log, 'large', 200);
  await ledger.check(log);
  await log.close();
});

test('appends that wait together share one fdatasync', async () => {
  let syncs = 0;
  const files: LogFiles = {
    ...nodeFiles,
    async fdatasync(fd) {
      syncs += 1;
      await sleep(5);
      await nodeFiles.fdatasync(fd);
    },
  };
  const log = await openLog(temporaryDir(), { files, config: { segment_bytes_max: 1_000_000 } });
  const before = syncs;
  await Promise.all(Array.from({ length: 16 }, (_, n) => fill(log, 20, `caller${n}-`)));
  assert.ok(syncs - before <= 25, `${syncs - before} for 320 appends`);
  assert.equal((await readBlocks(log)).lines.size, 16 * 20 * 5);
  await log.close();
});

test('received-at never falls, whatever the clock does', async () => {
  const dir = temporaryDir();
  let now = 50_000;
  let log = await openLog(dir, { now: () => now });
  const times: number[] = [];
  for (const time of [50_000, 60_000, 55_000, 10, 60_001]) {
    now = time;
    times.push((await log.append({ source: 'http', bytes: [Buffer.from('{}\n')], lines: 1 })).receivedAtMs);
  }
  await log.close();
  now = 1;
  log = await openLog(dir, { now: () => now });
  assert.equal(log.status().lastReceivedAtMs, 60_001);
  times.push((await log.append({ source: 'http', bytes: [Buffer.from('{}\n')], lines: 1 })).receivedAtMs);
  assert.deepEqual(times, [50_000, 60_000, 60_000, 60_000, 60_001, 60_001]);
  await log.close();
});

test('a folder of a later format, or of another log, is refused with a clear error', async () => {
  const dir = temporaryDir();
  const log = await openLog(dir);
  await fill(log, 2);
  await log.close();
  const path = join(dir, 'log.json');
  const identity = JSON.parse(readFileSync(path, 'utf8'));
  writeFileSync(
    path,
    JSON.stringify({ ...identity, format_version: FORMAT_VERSION + 1, written_by: 'tillstream 9.1.0' }),
  );
  await assert.rejects(
    openLog(dir),
    new RegExp(
      `format version ${FORMAT_VERSION + 1}, written by tillstream 9\\.1\\.0\\. This program is older`,
    ),
  );
  writeFileSync(path, JSON.stringify({ ...identity, id: 'another' }));
  await assert.rejects(openLog(dir), /belongs to another event log/);
  writeFileSync(path, JSON.stringify(identity));
  // A refused start leaves nothing behind: neither a lock nor a change.
  const again = await openLog(dir);
  assert.equal((await readBlocks(again)).blocks.length, 2);
  await again.close();
});

test('reads cross segments and cut batches, from any offset and with any limits', async () => {
  const dir = temporaryDir();
  const log = await openLog(dir, { config: { segment_bytes_max: 1500 } });
  for (let n = 0; n < 40; n += 1) await fill(log, 1, `b${n}-`, 1 + (n % 7));
  assert.ok(readdirSync(dir).filter((name) => name.endsWith('.ndjson')).length > 5);
  const { lines } = await readBlocks(log);
  const { end } = log.partitions()[0]!;
  assert.equal(lines.size, end);
  for (let from = 0; from < end; from += 1) {
    for (const limits of [
      { bytesMax: 1, linesMax: 1 },
      { bytesMax: 700, linesMax: 1000 },
      { bytesMax: 1e6, linesMax: 9 },
    ]) {
      const batches = await log.read(0, from, limits);
      let offset = from;
      for (const batch of batches) {
        assert.equal(batch.firstOffset, offset);
        for (const text of batch.bytes.toString().trimEnd().split('\n')) {
          assert.equal(text, lines.get(offset));
          offset += 1;
        }
        assert.equal(offset, batch.firstOffset + batch.lines);
      }
      assert.ok(offset > from);
    }
  }
  await log.close();
});

test('the files are plain NDJSON, readable without this program', async () => {
  const dir = temporaryDir();
  const log = await openLog(dir);
  await fill(log, 3);
  await log.close();
  const name = readdirSync(dir).find((entry) => entry.endsWith('.ndjson'))!;
  assert.equal(name, '00000000000000000000.ndjson');
  const records = readFileSync(join(dir, name), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(Object.keys(records[0].tillstream_segment), [
    'format_version',
    'log',
    'first',
    'last_received_at',
    'before',
    'header_crc',
  ]);
  assert.deepEqual(Object.keys(records[1].tillstream_batch), [
    'first',
    'lines',
    'bytes',
    'crc',
    'received_at',
    'source',
    'canonical',
    'before',
    'header_crc',
  ]);
  assert.equal(records.filter((record) => 'id' in record).length, 15);
});

test('every setting has a default and a description; unknown ones are refused', () => {
  const defaults = segmentLogConfigSchema.parse({});
  assert.deepEqual(defaults, {
    segment_bytes_max: 134_217_728,
    disk_reserve_bytes: 1_073_741_824,
    queue_bytes_max: 67_108_864,
    retention: { max_age_hours: 168, max_bytes: 0 },
  });
  assert.throws(() => segmentLogConfigSchema.parse({ segment_bytes: 1 }));
  assert.throws(() => segmentLogConfigSchema.parse({ retention: { days: 1 } }));
});
