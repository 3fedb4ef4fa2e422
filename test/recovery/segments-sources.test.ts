/** Logs that an earlier version filled with more sources than a log takes today. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { AppendError } from '../../src/log/event-log.ts';
import type { CountsBySource } from '../../src/log/offset.ts';
import {
  checksum,
  encodeBatchHeader,
  encodeSegmentHeader,
  FORMAT_VERSION,
  HEADER_BYTES_MAX,
  headerSeed,
  segmentName,
} from '../../src/log/segments/format.ts';
import { openLog, readBlocks, temporaryDir, textOf } from './segments-support.ts';

const LOG_ID = 'b9e0a0f4-7a5c-4b8e-9a55-0d8c5a9c2a11';

/** A log with one line of each source, as it was written when any number of names was taken. */
function oldLog(sources: number): string {
  const dir = temporaryDir();
  const before: CountsBySource = {};
  const parts: Buffer[] = [
    encodeSegmentHeader({
      formatVersion: FORMAT_VERSION,
      logId: LOG_ID,
      first: 0,
      lastReceivedAtMs: null,
      before,
    }),
  ];
  for (let first = 0; first < sources; first++) {
    const source = `${first}_`.padEnd(27, 'x');
    const body = Buffer.from(textOf(`line${first}`, 1));
    parts.push(
      encodeBatchHeader(
        {
          first,
          canonical: true,
          fields: undefined,
          lines: 1,
          bytes: body.length,
          crc: checksum([body]),
          receivedAtMs: 1_790_000_000_000 + first,
          source,
          before,
        },
        headerSeed(LOG_ID),
      ),
      body,
    );
    before[source] = 1;
  }
  writeFileSync(join(dir, segmentName(0)), Buffer.concat(parts));
  writeFileSync(
    join(dir, 'log.json'),
    JSON.stringify({ format_version: FORMAT_VERSION, id: LOG_ID, written_by: 'an old one', closed: null }),
  );
  return dir;
}

test('a log with thousands of sources is read completely, accepts lines of these, and refuses a new one', async () => {
  for (const sources of [300, 2200]) {
    const dir = oldLog(sources);
    const log = await openLog(dir);
    assert.equal(log.status().lostLines, 0);
    assert.deepEqual(log.partitions(), [{ partition: 0, start: 0, end: sources }]);
    assert.equal((await readBlocks(log, 1024 * 1024)).lines.size, sources);
    assert.equal(Object.keys(await log.receivedBefore({ 0: sources - 10 })).length, sources - 10);
    const bytes = [Buffer.from(textOf('more', 1))];
    await assert.rejects(log.append({ source: 'new-one', bytes, lines: 1 }), /takes no lines of a new one/);
    await log.append({ source: '7_'.padEnd(27, 'x'), bytes, lines: 1 });
    await log.close();
    const again = await openLog(dir);
    assert.equal((await readBlocks(again, 1024 * 1024)).lines.size, sources + 1);
    assert.equal(again.status().lostLines, 0);
    await again.close();
  }
});

test('a batch whose header could not be read again is refused before it is written', async () => {
  const dir = temporaryDir();
  const before: CountsBySource = {};
  const first = 1_000_000;
  const segmentHeader = () =>
    encodeSegmentHeader({
      formatVersion: FORMAT_VERSION,
      logId: LOG_ID,
      first,
      lastReceivedAtMs: null,
      before,
    });
  for (let n = 0; n < 29_000; n++) before[`${n}_`.padEnd(27, 'x')] = 1;
  // As long as a header may be: that of a batch has more in it.
  let room = HEADER_BYTES_MAX - segmentHeader().length - 1;
  for (let n = 0; room >= 10; n++) {
    const name = `z${n}`.padEnd(Math.min(32, room - 5), 'x').slice(0, 32);
    before[name] = 1;
    room -= name.length + 5;
  }
  writeFileSync(join(dir, segmentName(first)), segmentHeader());
  const log = await openLog(dir, { config: { segment_bytes_max: 64 * 1024 * 1024 } });
  assert.equal(log.partitions()[0]!.end, first);
  const block = { source: '1_'.padEnd(27, 'x'), bytes: [Buffer.from(textOf('block', 1))], lines: 1 };
  const all = await Promise.allSettled([log.append(block), log.append(block)]);
  for (const each of all) {
    assert.ok(each.status === 'rejected' && each.reason instanceof AppendError, JSON.stringify(each));
    assert.match(each.reason.message, /could not be read/);
  }
  await log.close();
  const again = await openLog(dir);
  assert.deepEqual(again.partitions(), [{ partition: 0, start: first, end: first }]);
  await again.close();
});
