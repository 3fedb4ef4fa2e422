import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { testNow } from '../../test/support/clock.ts';
import { ndjson } from '../ingest/formats/ndjson.ts';
import { LineValidator } from '../ingest/line-validator.ts';
import { Normalizer } from '../ingest/normalize.ts';
import type { ValidationResult } from '../ingest/validation-result.ts';
import type { LoadInput } from './inputs.ts';
import { LoadError } from './load-error.ts';
import { LoadRegistry } from './registry.ts';
import { sendInputs } from './send.ts';
import { type LoadTarget, NotStoredError } from './target.ts';

const dir = mkdtempSync(join(tmpdir(), 'tillstream-send-'));
after(() => rmSync(dir, { recursive: true, force: true }));

const BLOCKS = 10;
const LINES_EACH = 20;

/** A file of some blocks, each read by itself; it can't be read from block `broken` on. */
function input(line: (n: number) => string, declared = '', broken = BLOCKS): LoadInput {
  const blocks = Array.from({ length: BLOCKS }, (_, block) =>
    Buffer.from(Array.from({ length: LINES_EACH }, (_, n) => `${line(block * LINES_EACH + n)}\n`).join('')),
  );
  return {
    name: 'export.ndjson',
    description: 'NDJSON',
    format: 'ndjson',
    declared,
    async *chunks() {
      yield* blocks;
    },
    async *records(onChunk) {
      const decoder = ndjson.decoder({ details: [] });
      for (const [n, block] of blocks.entries()) {
        if (n === broken) throw new LoadError('The disk has a fault.');
        onChunk(block);
        yield decoder.push(Buffer.from(block));
      }
      yield decoder.end();
    },
    reopened: () => Promise.reject(new Error('no mapping is looked for')),
    ending: () => ({ cut: false }),
    fileBytesRead: () => null,
  };
}

const event = (n: number) =>
  JSON.stringify({ timestamp: new Date(Date.UTC(2024, 10, 1) + n * 1000), event_type: 'search' });

/** Stores blocks, and refuses all from a number on. */
class Target {
  readonly stored: ValidationResult[] = [];
  refuseFrom = Number.POSITIVE_INFINITY;

  async store(result: ValidationResult) {
    if (this.stored.length >= this.refuseFrom)
      throw new NotStoredError('The event log refuses lines: it is full');
    this.stored.push(result);
    return { accepted: result.accepted, rejected: result.rejected, reasons: result.reasons };
  }

  get lines(): number {
    return this.stored.reduce((sum, { accepted, rejected }) => sum + accepted + rejected, 0);
  }
}

async function send(name: string, target: Target, from: LoadInput, again = false) {
  const registry = await LoadRegistry.open(join(dir, name));
  const sent = await sendInputs([from], target as unknown as LoadTarget, {
    mapper: undefined,
    createValidator: () =>
      new LineValidator({
        normalizer: new Normalizer(),
        timeZone: 'UTC',
        lineBytesMax: 1 << 20,
        storedBytesMax: Number.POSITIVE_INFINITY,
        now: testNow,
      }),
    timeZone: 'UTC',
    currencies: undefined,
    registry,
    settings: '',
    again,
    againHint: '--again',
    resumeHint: 'The same command',
  });
  return sent.inputs[0]!;
}

test('a load that fails early again keeps the progress of the previous one', async () => {
  const target = new Target();
  target.refuseFrom = 6;
  await assert.rejects(send('early', target, input(event)), /Stored before that: 120 records/);
  await assert.rejects(send('early', target, input(event, '', 2)), /has a fault/);
  target.refuseFrom = Number.POSITIVE_INFINITY;
  const result = await send('early', target, input(event));
  assert.deepEqual([result.storedBefore, result.received], [120, 80]);
  assert.equal(target.lines, BLOCKS * LINES_EACH);
});

test('other options are refused if events would count twice, and accepted if nothing has counted yet', async () => {
  const target = new Target();
  await send('events', target, input(event));
  await assert.rejects(send('events', target, input(event, '{"delimiter":"|"}')), /with other options/);
  await send('events', target, input(event, '{"delimiter":"|"}'), true);
  const bad = (n: number) => `{"timestamp":"31/12/2023","event_type":"search","n":${n}}`;
  const first = await send('bad', target, input(bad));
  assert.deepEqual([first.received, first.badRows], [200, 200]);
  const second = await send('bad', target, input(bad, '{"format":"ndjson"}'));
  assert.equal(second.received, 200, 'it is read with the other options');
});
