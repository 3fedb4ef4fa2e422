import assert from 'node:assert/strict';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { AppendError, type AppendResult, type EventLog } from '../../src/log/event-log.ts';
import { sumCounts } from '../../src/log/offset.ts';
import { segmentLogConfigSchema } from '../../src/log/segments/config.ts';
import { openSegmentLog, type SegmentLogOptions } from '../../src/log/segments/log.ts';
import { testNow } from '../support/clock.ts';

const made: string[] = [];
after(() => {
  for (const dir of made) rmSync(dir, { recursive: true, force: true });
});

/** In memory where there is such a place: these tests sync thousands of files, and none of them pulls a plug. */
export function temporaryDir(): string {
  const dir = mkdtempSync(join(isWritable('/dev/shm') ? '/dev/shm' : tmpdir(), 'tillstream-segments-'));
  made.push(dir);
  return dir;
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

type Overrides = Partial<Omit<SegmentLogOptions, 'config'>> & { config?: object };

export function openLog(dir: string, overrides: Overrides = {}): Promise<EventLog> {
  const { config, ...rest } = overrides;
  return openSegmentLog({
    dir,
    config: segmentLogConfigSchema.parse({ disk_reserve_bytes: 0, segment_bytes_max: 2000, ...config }),
    readers: [],
    now: testNow,
    ...rest,
  });
}

/** What became of every block that was sent. */
export class Ledger {
  readonly sent: Map<string, { lines: number; state: 'unknown' | 'refused' | AppendResult }>;

  constructor(before?: Ledger) {
    this.sent = new Map(before?.sent);
  }

  async append(log: EventLog, id: string, lines: number, source = 'http'): Promise<void> {
    assert.ok(!this.sent.has(id));
    this.sent.set(id, { lines, state: 'unknown' });
    try {
      const result = await log.append({ source, bytes: [Buffer.from(textOf(id, lines))], lines });
      this.sent.set(id, { lines, state: result });
    } catch (error) {
      if (!(error instanceof AppendError)) throw error;
      // After a failed log it is open whether the lines are there: only "full" and "busy" promise that they are not.
      if (error.code !== 'log_failed') this.sent.set(id, { lines, state: 'refused' });
    }
  }

  /** Acked implies recovered, recovered implies sent; blocks whole, in order, none twice; the counters agree. */
  async check(log: EventLog): Promise<Map<number, string>> {
    const { lines, blocks } = await readBlocks(log);
    const places = new Map<string, number>();
    for (const { id, lines: count, firstOffset } of blocks) {
      const sent = this.sent.get(id);
      assert.ok(sent !== undefined, `${id} was never sent`);
      assert.equal(count, sent.lines, `${id} is not whole`);
      assert.ok(!places.has(id), `${id} is there twice`);
      assert.notEqual(sent.state, 'refused', `${id} was refused and is there`);
      places.set(id, firstOffset);
    }
    for (const [id, { state }] of this.sent) {
      if (typeof state === 'object') assert.equal(places.get(id), state.firstOffset, `${id} was acked`);
    }
    const { end } = log.partitions()[0]!;
    assert.equal(sumCounts(log.received()), end);
    assert.equal(sumCounts(await log.receivedBefore({ 0: end })), end);
    return lines;
  }

  acked(): number {
    return [...this.sent.values()].filter(({ state }) => typeof state === 'object').length;
  }
}

export function textOf(id: string, lines: number): string {
  return Array.from({ length: lines }, (_, line) => `{"id":"${id}","line":${line}}\n`).join('');
}

/** All lines by offset, and the batches by the id in them. */
export async function readBlocks(log: EventLog, bytesMax = 3000) {
  const lines = new Map<number, string>();
  const blocks: { id: string; lines: number; firstOffset: number }[] = [];
  const { start, end } = log.partitions()[0]!;
  let offset = start;
  let lastMs = 0;
  while (offset < end) {
    const batches = await log.read(0, offset, { bytesMax, linesMax: 1_000_000 });
    if (batches.length === 0) break;
    for (const batch of batches) {
      assert.ok(batch.firstOffset >= offset, `offset ${batch.firstOffset} comes after ${offset}`);
      assert.ok(batch.receivedAtMs >= lastMs, 'received-at fell');
      lastMs = batch.receivedAtMs;
      const texts = batch.bytes.toString().slice(0, -1).split('\n');
      assert.equal(texts.length, batch.lines);
      const { id } = JSON.parse(texts[0]!) as { id: string };
      for (const [index, text] of texts.entries()) {
        assert.deepEqual(JSON.parse(text), { id, line: index });
        lines.set(batch.firstOffset + index, text);
      }
      blocks.push({ id, lines: batch.lines, firstOffset: batch.firstOffset });
      offset = batch.firstOffset + batch.lines;
    }
  }
  return { lines, blocks };
}
