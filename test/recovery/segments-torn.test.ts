import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { EventLog } from '../../src/log/event-log.ts';
import { sumCounts } from '../../src/log/offset.ts';
import { randomFrom, testSeed } from '../support/seed.ts';
import { Ledger, openLog, readBlocks, temporaryDir } from './segments-support.ts';

function segmentsOf(dir: string): string[] {
  return readdirSync(dir)
    .filter((name) => name.endsWith('.ndjson'))
    .sort()
    .map((name) => join(dir, name));
}

function copyOf(dir: string): string {
  const copy = temporaryDir();
  cpSync(dir, copy, { recursive: true });
  return copy;
}

/** As after a crash: nothing tells where the log ended. */
function forgetClose(dir: string): void {
  const path = join(dir, 'log.json');
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), closed: null }));
}

async function filled(blocks: number, config = {}): Promise<{ dir: string; ledger: Ledger }> {
  const dir = temporaryDir();
  const ledger = new Ledger();
  const log = await openLog(dir, { config });
  for (let n = 0; n < blocks; n += 1) {
    await ledger.append(log, `block${n}`, 1 + (n % 4), n % 3 === 0 ? 'poll' : 'http');
  }
  await log.close();
  return { dir, ledger };
}

test('a tail torn at any byte is cut, what was before stays, and the log continues', async () => {
  const { dir } = await filled(4, { segment_bytes_max: 100_000 });
  forgetClose(dir);
  const whole = readFileSync(segmentsOf(dir)[0]!);
  const lastAt = whole.lastIndexOf('{"tillstream_batch"');
  const copy = copyOf(dir);
  const [segment] = segmentsOf(copy);
  for (let size = lastAt; size < whole.length; size += 1) {
    writeFileSync(segment!, whole.subarray(0, size));
    const log = await openLog(copy);
    assert.equal(log.partitions()[0]!.end, 6, `cut at ${size}`);
    assert.equal(statSync(segment!).size, lastAt, `cut at ${size}`);
    assert.equal(log.status().lostLines, 0);
    assert.equal(
      (await log.append({ source: 'http', bytes: [Buffer.from('{"id":"new","line":0}\n')], lines: 1 }))
        .firstOffset,
      6,
    );
    const { blocks } = await readBlocks(log);
    assert.deepEqual(
      blocks.map(({ id }) => id),
      ['block0', 'block1', 'block2', 'new'],
    );
    assert.equal(sumCounts(log.received()), 7);
    await log.close();
    forgetClose(copy);
    for (const path of segmentsOf(copy)) if (path !== segment) rmSync(path);
  }
});

test('a new segment torn at any byte leaves the ones before it', async () => {
  const { dir } = await filled(20, { segment_bytes_max: 1000 });
  forgetClose(dir);
  const segments = segmentsOf(dir);
  const name = segments.at(-1)!.slice(dir.length);
  const whole = readFileSync(segments.at(-1)!);
  const firstBatchEnd = whole.indexOf('{"tillstream_batch"', whole.indexOf('{"tillstream_batch"') + 1);
  assert.ok(segments.length > 3);
  const end = Number(name.slice(1, 21));
  const copy = copyOf(dir);
  for (let size = 0; size < (firstBatchEnd === -1 ? whole.length : firstBatchEnd); size += 7) {
    writeFileSync(join(copy, name), whole.subarray(0, size));
    const log = await openLog(copy);
    assert.deepEqual(log.partitions(), [{ partition: 0, start: 0, end }]);
    assert.equal(log.status().lostLines, 0);
    assert.equal((await readBlocks(log)).lines.size, end);
    await log.close();
    forgetClose(copy);
  }
});

test('damage anywhere loses only the batches it hits, is counted, and the counters stay right', async () => {
  const seed = testSeed('bit flips');
  const { dir, ledger } = await filled(40);
  const total = [...ledger.sent.values()].reduce((sum, { lines }) => sum + lines, 0);
  const intact = await openLog(dir);
  const counts: unknown[] = [];
  for (let offset = 0; offset <= total; offset += 1) counts.push(await intact.receivedBefore({ 0: offset }));
  const original = (await readBlocks(intact)).lines;
  await intact.close();

  for (let round = 0; round < 25; round += 1) {
    const random = randomFrom(seed + round);
    const where = `seed ${seed}, round ${round}`;
    const copy = copyOf(dir);
    const atRest = random() < 0.5;
    let log: EventLog | null = atRest ? null : await openLog(copy);
    if (log !== null && random() < 0.5) await readBlocks(log);
    for (let hits = 1 + Math.floor(random() * 3); hits > 0; hits -= 1)
      damage(segmentsOf(copy), random, atRest);
    log ??= await openLog(copy);

    const { lines } = await readBlocks(log, 200 + random() * 5000);
    for (const [offset, text] of lines) assert.equal(text, original.get(offset), where);
    assert.equal(log.partitions()[0]!.end, total, where);
    assert.equal(lines.size + log.status().lostLines, total, where);
    assert.ok(lines.size > 0, where);
    assert.deepEqual({ ...log.received() }, counts[total], where);
    for (const offset of lines.keys()) {
      assert.deepEqual(await log.receivedBefore({ 0: offset }), counts[offset], `${where}, offset ${offset}`);
    }
    for (let offset = 0; offset <= total; offset += 1) {
      assert.equal(sumCounts(await log.receivedBefore({ 0: offset })), offset, where);
    }
    const lost = log.status().lostLines;
    await log.append({ source: 'http', bytes: [Buffer.from('{"id":"new","line":0}\n')], lines: 1 });
    await log.close();
    const again = await openLog(copy);
    assert.equal(again.status().lostLines, lost, `${where}: the count outlives a restart`);
    assert.equal((await readBlocks(again)).lines.size, lines.size + 1, where);
    assert.equal(again.status().lostLines, lost, `${where}: and damage met again is not counted again`);
    await again.close();
    rmSync(copy, { recursive: true });
  }
});

/** Flips a bit, zeroes or overwrites a stretch, or (at rest) takes bytes out, somewhere in one of the files. */
function damage(segments: string[], random: () => number, atRest: boolean): void {
  const path = segments[Math.floor(random() * segments.length)]!;
  const bytes = readFileSync(path);
  const at = Math.floor(random() * bytes.length);
  const length = Math.floor(random() ** 3 * 600) + 1;
  const kind = random();
  if (kind < 0.5) {
    bytes[at]! ^= 1 << Math.floor(random() * 8);
  } else if (kind < 0.7) {
    bytes.fill(0, at, Math.min(bytes.length, at + length));
  } else if (kind < 0.8 || !atRest) {
    for (let i = at; i < Math.min(bytes.length, at + length); i += 1) bytes[i] = Math.floor(random() * 256);
  } else {
    writeFileSync(path, Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]));
    return;
  }
  writeFileSync(path, bytes);
}

test('a line that imitates a header of the log is not taken for one', async () => {
  const dir = temporaryDir();
  const log = await openLog(dir, { config: { segment_bytes_max: 100_000 } });
  const forged =
    '{"tillstream_batch":{"first":1,"lines":1,"bytes":6,"crc":1,"received_at":1,"source":"x","before":{},"header_crc":1}}\n';
  await log.append({
    source: 'http',
    bytes: [Buffer.from(`{"id":"a","line":0}\n${forged}{"b"}\n`)],
    lines: 3,
  });
  await log.append({ source: 'http', bytes: [Buffer.from('{"id":"z","line":0}\n')], lines: 1 });
  await log.close();
  const [path] = segmentsOf(dir);
  const bytes = readFileSync(path!);
  bytes[bytes.indexOf('"first":0,"lines"') + 1]! ^= 1;
  writeFileSync(path!, bytes);
  const again = await openLog(dir);
  assert.deepEqual((await readBlocks(again)).blocks, [{ id: 'z', lines: 1, firstOffset: 3 }]);
  assert.equal(again.status().lostLines, 3);
  await again.close();
});

test('without its last segment or log.json the log keeps its id and never uses an offset twice', async () => {
  const { dir } = await filled(20);
  const before = await openLog(dir);
  const { id } = before;
  const { end } = before.partitions()[0]!;
  const received = before.received();
  await before.close();

  rmSync(segmentsOf(dir).at(-1)!);
  const shorter = await openLog(dir);
  assert.equal(shorter.partitions()[0]!.end, end);
  assert.deepEqual(shorter.received(), received);
  assert.ok(shorter.status().lostLines > 0);
  await shorter.close();

  for (const content of [null, '', '{"format']) {
    if (content === null) rmSync(join(dir, 'log.json'));
    else writeFileSync(join(dir, 'log.json'), content);
    const log = await openLog(dir);
    assert.equal(log.id, id);
    await log.close();
  }
});
