import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { bodyLines } from '../../../test/support/body-lines.ts';
import { testSeed } from '../../../test/support/seed.ts';
import { Random } from '../../../tools/simulator/random.ts';
import { AppendError } from '../../log/event-log.ts';
import { until } from '../fake-context.ts';
import { tailOptionsSchema } from './config.ts';
import { append, tailBench } from './fake-folder.ts';
import { createTailSource } from './tail-source.ts';

const LINE = (n: number) => `{"n":${n},"padding":"${'x'.repeat(80)}"}`;

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => LINE(from + i));

test('reads what is there, what is added, and a line only when it is whole', async (t) => {
  const { log, context, start } = tailBench(t);
  append(log, ...range(0, 3));
  const source = start();
  await until(() => context.lines.length === 3, 'the first lines');
  fs.appendFileSync(log, LINE(3).slice(0, 20));
  await sleep(20);
  assert.equal(context.lines.length, 3, 'half a line waits');
  fs.appendFileSync(log, `${LINE(3).slice(20)}\n`);
  await until(() => context.lines.length === 4, 'the completed line');
  assert.deepEqual(context.lines, range(0, 4));
  assert.equal(context.inputs[0]!.source, 'tail');
  assert.equal(source.status().state, 'ready');
});

test('resumes where it was after a restart, and sends the same bytes again when refused', async (t) => {
  const { log, context, start } = tailBench(t);
  append(log, ...range(0, 5));
  const first = start();
  await until(() => context.lines.length === 5, 'the first lines');
  await first.stop();
  append(log, ...range(5, 8));
  let refusals = 0;
  const refused: string[] = [];
  context.beforeIngest = ({ body }) => {
    refused.push(bodyLines(body).join('\n'));
    if (refusals++ < 3) throw new AppendError('log_busy', 'busy', 0.001);
  };
  const source = start();
  await until(() => context.lines.length === 8, 'the later lines');
  assert.deepEqual(context.lines, range(0, 8));
  assert.equal(new Set(refused).size, 1, 'the same bytes each time');
  assert.equal(source.status().counters.refused, 3);
});

test('the position moves only after ingest: a stop while the log refuses loses nothing', async (t) => {
  const { log, context, start } = tailBench(t);
  append(log, ...range(0, 2));
  context.beforeIngest = () => {
    throw new AppendError('log_full', 'full', 60);
  };
  const first = start();
  await until(
    () => first.status().state === 'waiting' && first.status().message.includes('full'),
    'the refusal',
  );
  await first.stop();
  context.beforeIngest = () => {};
  start();
  await until(() => context.lines.length === 2, 'the lines');
});

test('rotation by rename in the middle of a line: the old file to its end, then the new one', async (t) => {
  const { log, context, start } = tailBench(t);
  append(log, ...range(0, 2));
  const source = start();
  await until(() => context.lines.length === 2, 'the first lines');
  fs.appendFileSync(log, LINE(2).slice(0, 30));
  const writer = fs.openSync(log, 'a');
  fs.renameSync(log, `${log}.1`);
  append(log, ...range(3, 5));
  // The writer still holds the old file and ends its line.
  fs.writeSync(writer, `${LINE(2).slice(30)}\n`);
  fs.closeSync(writer);
  await until(() => context.lines.length === 5, 'all lines');
  assert.deepEqual(context.lines, range(0, 5));
  assert.equal(source.status().counters.rotations, 1);
});

test('a last line that its writer never ended is taken when its file was rotated away', async (t) => {
  const { log, context, start } = tailBench(t);
  fs.writeFileSync(log, `${LINE(0)}\n${LINE(1)}`);
  start();
  await until(() => context.lines.length === 1, 'the first line');
  fs.renameSync(log, `${log}.1`);
  append(log, LINE(2));
  await until(() => context.lines.length === 3, 'all lines');
  assert.deepEqual(context.lines, range(0, 3));
});

test('rotations while stopped: the rest of the old file, the missed ones, the present one; compressed ones are not read', async (t) => {
  const { log, context, start } = tailBench(t);
  append(log, ...range(0, 2));
  const first = start();
  await until(() => context.lines.length === 2, 'the first lines');
  await first.stop();
  append(log, LINE(2));
  fs.writeFileSync(`${log}.9.gz`, 'packed');
  fs.renameSync(log, `${log}.1`);
  for (const n of [3, 4]) {
    await sleep(5);
    append(log, LINE(n));
    if (fs.existsSync(`${log}.2`)) fs.renameSync(`${log}.2`, `${log}.3`);
    fs.renameSync(`${log}.1`, `${log}.2`);
    fs.renameSync(log, `${log}.1`);
  }
  await sleep(5);
  append(log, LINE(5));
  start();
  await until(() => context.lines.length >= 6, 'all lines');
  assert.deepEqual(context.lines, range(0, 6));
});

test('a pattern that matches rotated files too reads each line once, in order', async (t) => {
  const { log, context, start } = tailBench(t);
  append(`${log}.1`, ...range(0, 3));
  await sleep(5);
  append(log, ...range(3, 5));
  start('shop.ndjson*');
  await until(() => context.lines.length === 5, 'the first lines');
  fs.renameSync(`${log}.1`, `${log}.2`);
  fs.renameSync(log, `${log}.1`);
  append(log, LINE(5));
  await until(() => context.lines.length === 6, 'the last line');
  await sleep(20);
  assert.deepEqual(context.lines, range(0, 6));
});

for (const pattern of ['shop.ndjson', 'shop.ndjson*']) {
  test(`copytruncate with lines not read yet: they are found in the copy (${pattern})`, async (t) => {
    const { log, context, start } = tailBench(t);
    append(log, ...range(0, 4));
    const first = start(pattern);
    await until(() => context.lines.length === 4, 'the first lines');
    await first.stop();
    append(log, ...range(4, 6));
    fs.copyFileSync(log, `${log}.1`);
    fs.truncateSync(log);
    // As long as before, so that its size tells nothing.
    append(log, ...range(10, 16));
    const source = start(pattern);
    await until(() => context.lines.length === 12, 'all lines');
    await sleep(20);
    assert.deepEqual(context.lines, [...range(0, 6), ...range(10, 16)]);
    assert.equal(source.status().counters.truncations, 1);
    assert.equal(source.status().counters.lost_bytes, 0);
  });
}

test('a file emptied without a copy: what was lost is counted, the new content is read', async (t) => {
  const { log, context, start } = tailBench(t);
  append(log, LINE(0));
  const source = start();
  await until(() => context.lines.length === 1, 'the first line');
  fs.appendFileSync(log, 'half a line');
  // It must have been read, which nothing shows.
  await sleep(300);
  fs.truncateSync(log);
  append(log, ...range(1, 3));
  await until(() => context.lines.length === 3, 'the new lines');
  assert.equal(source.status().counters.lost_bytes, 'half a line'.length);
  assert.ok(context.warnings.some((warning) => warning.includes('emptied')));
});

test('two files that begin alike are both read', async (t) => {
  const { folder, context, start } = tailBench(t);
  for (const name of ['a', 'b']) append(join(folder, `${name}.ndjson`), ...range(0, 5));
  start('*.ndjson');
  await until(() => context.lines.length === 10, 'both files');
});

test('an oversized line is cut, its rest skipped and counted, also across a restart; the next line is complete', async (t) => {
  const { log, context, start } = tailBench(t);
  const mega = 1024 * 1024;
  append(log, LINE(0));
  fs.appendFileSync(log, `{"x":"${'ü'.repeat(3 * mega)}`);
  const first = start();
  await until(() => context.lines.length === 2, 'the cut line');
  await first.stop();
  fs.appendFileSync(log, `${'y'.repeat(mega)}"}\n${LINE(1)}\n`);
  const source = start();
  await until(() => context.lines.length === 3, 'the line behind');
  assert.equal(context.lines[2], LINE(1));
  const cut = Buffer.from(context.lines[1]!, 'latin1');
  assert.ok(cut.length > mega && cut.length <= mega + 5);
  assert.ok(Buffer.from(cut.toString()).equals(cut), 'cut between characters');
  assert.equal(first.status().counters.long_lines, 1);
  assert.ok(source.status().counters.skipped_bytes! >= mega);
  for (const { body } of context.inputs)
    assert.ok(Buffer.byteLength(bodyLines(body, 'latin1').join('\n'), 'latin1') <= 4 * mega);
});

test('check reports what is wrong, an unknown option is refused, and a missing file is not an error', async (t) => {
  const { folder, log, context, start } = tailBench(t);
  const options = tailOptionsSchema.parse({ path: log });
  await assert.rejects(createTailSource(options, context).check(), /No file matches .*Check the path/);
  assert.throws(() => tailOptionsSchema.parse({ path: log, speed: 1 }), /speed/);
  const source = start();
  await until(() => source.status().state === 'waiting', 'the first look');
  append(log, LINE(0));
  await until(() => context.lines.length === 1, 'the line');
  assert.match(await createTailSource(options, context).check(), /1 file, \d+ bytes/);
  // It may still be writing its state.
  await source.stop();
  fs.writeFileSync(
    fs.readdirSync(join(folder, 'state')).map((name) => join(folder, 'state', name))[0]!,
    'garbage',
  );
  const damaged = start();
  await until(() => damaged.status().message.includes('damaged'), 'the message about the state file');
});

test('random operations: every line exactly once and in order', async (t) => {
  const seed = testSeed(t);
  const random = new Random(seed);
  const { log, context, start } = tailBench(t);
  let source = start();
  let written = 0;
  let half = '';
  const rotateNames = () => {
    for (let n = 99; n >= 1; n--)
      if (fs.existsSync(`${log}.${n}`)) fs.renameSync(`${log}.${n}`, `${log}.${n + 1}`);
  };
  const endLine = () => {
    if (half !== '') append(log, LINE(written++).slice(half.length));
    half = '';
  };
  const operations: Record<string, () => void | Promise<void>> = {
    append: () => {
      endLine();
      const next = written + random.integer(1, 40);
      append(log, ...range(written, next));
      written = next;
    },
    half: () => {
      endLine();
      half = LINE(written).slice(0, random.integer(1, 60));
      fs.appendFileSync(log, half);
    },
    rename: () => {
      if (!fs.existsSync(log)) return;
      endLine();
      rotateNames();
      fs.renameSync(log, `${log}.1`);
      fs.writeFileSync(log, '');
    },
    copytruncate: async () => {
      endLine();
      if (!fs.existsSync(log) || fs.statSync(log).size === 0) return;
      // A file emptied before anybody saw it can't be told from its copy.
      await until(() => context.lines.length > 0 && context.lines.length === written, 'to be caught up');
      append(log, LINE(written++));
      rotateNames();
      fs.copyFileSync(log, `${log}.1`);
      fs.truncateSync(log);
    },
    restart: async () => {
      await source.stop();
      if (random.chance(0.5)) operations.append!();
      if (random.chance(0.5)) operations.rename!();
      source = start();
    },
    refuse: () => {
      let times = random.integer(1, 3);
      context.beforeIngest = () => {
        if (times-- > 0) throw new AppendError('log_busy', 'busy', 0.002);
      };
    },
    wait: () => sleep(random.integer(0, 8)),
  };
  // What was rotated away before the first start is not ours to read.
  append(log, LINE(written++));
  await until(() => context.lines.length === 1, 'the first line');
  for (let step = 0; step < 150; step++) {
    const name = random.pick([
      'append',
      'append',
      'append',
      'half',
      'rename',
      'copytruncate',
      'restart',
      'refuse',
      'wait',
      'wait',
    ]);
    await operations[name]!();
  }
  endLine();
  await until(() => context.lines.length >= written, `${written} lines, seed ${seed}`);
  await sleep(60);
  assert.deepEqual(context.lines, range(0, written), `seed ${seed}`);
});
