import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { realNow } from '../../../test/support/clock.ts';
import { until } from '../fake-context.ts';
import { append, tailBench } from './fake-folder.ts';

const LINE = (n: number) => `{"event_type":"view_page","timestamp":"2026-11-01T10:00:00Z","n":${n}}`;
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => LINE(from + i));
/** Times of files; the kernel's own are those of now. */
const age = (path: string, seconds: number) => {
  const at = fs.statSync(path).mtimeMs / 1000 - seconds;
  fs.utimesSync(path, at, at);
};
const aMoment = () => sleep(60);

test('a file written from scratch with the same beginning, and longer than before, is read from its beginning', async (t) => {
  const { log, context, start } = tailBench(t);
  const beginning = range(0, 20);
  append(log, ...beginning, ...range(100, 110));
  const first = start();
  await until(() => context.lines.length === 30, 'the first lines');
  await first.stop();
  const inode = fs.statSync(log).ino;
  fs.writeFileSync(log, [...beginning, ...range(200, 230)].map((line) => `${line}\n`).join(''));
  assert.equal(fs.statSync(log).ino, inode, 'the same file, rewritten');
  start();
  await until(() => context.lines.length >= 80, 'the new content');
  assert.deepEqual(context.lines.slice(30), [...beginning, ...range(200, 230)]);
});

test('a last line without its end waits, is reported, and is taken when the file has been quiet for a minute', async (t) => {
  const { log, context, start } = tailBench(t);
  fs.writeFileSync(log, `${LINE(0)}\n${LINE(1)}`);
  age(log, 50);
  const first = start();
  await until(() => first.status().counters.waiting_bytes === LINE(1).length, 'the waiting bytes');
  await until(() => first.status().message.includes(`${LINE(1).length} bytes of ${log} wait`), 'the message');
  assert.equal(first.status().state, 'ready');
  assert.deepEqual(context.lines, [LINE(0)]);
  await first.stop();
  context.now = () => realNow() + 20_000;
  const second = start();
  await until(() => context.lines.length === 2, 'the last line');
  assert.deepEqual(context.lines, range(0, 2));
  assert.equal(second.status().counters.waiting_bytes, 0);
  // Its end, when it comes, is no line of its own.
  append(log, '', LINE(2));
  await until(() => context.lines.length === 3, 'the line behind it');
  assert.deepEqual(context.lines, range(0, 3));
});

test('half an object is not read, however long it waits, unless its file was rotated', async (t) => {
  const { log, context, start } = tailBench(t);
  fs.writeFileSync(log, `${LINE(0)}\n${LINE(1).slice(0, 30)}`);
  age(log, 1000);
  start();
  await until(() => context.lines.length === 1, 'the first line');
  await aMoment();
  assert.equal(context.lines.length, 1);
  fs.appendFileSync(log, `${LINE(1).slice(30)}\n`);
  await until(() => context.lines.length === 2, 'the whole line');
  assert.deepEqual(context.lines, range(0, 2));
});

test('another path in the config reads nothing twice: a pattern, a link, a copy elsewhere, back again', async (t) => {
  const { folder, log, context, start } = tailBench(t);
  append(log, ...range(0, 10));
  append(join(folder, 'other.log'), ...range(50, 55));
  let added = 10;
  const grow = (path = log) => append(path, LINE(added++));
  const other = range(50, 55);
  fs.symlinkSync(log, join(folder, 'current'));
  fs.mkdirSync(join(folder, 'moved'));
  let isOther = false;
  for (const pattern of [
    'shop.ndjson',
    '*.ndjson',
    'shop.*',
    'current',
    'other.log',
    '{shop.ndjson,other.log}',
    'shop.ndjson',
  ]) {
    const source = start(pattern);
    if (pattern.includes('other.log')) isOther = true;
    if (pattern !== 'other.log') grow();
    await until(() => context.lines.length >= added + (isOther ? 5 : 0), `the lines of ${pattern}`);
    await aMoment();
    await source.stop();
    const expected: string[] = isOther ? [...other, ...range(0, added)] : range(0, added);
    assert.deepEqual([...context.lines].sort(), [...expected].sort(), pattern);
  }
  // On another disk it has another inode.
  fs.copyFileSync(log, join(folder, 'moved', 'shop.log'));
  fs.rmSync(log);
  const source = start('moved/*.log');
  grow(join(folder, 'moved', 'shop.log'));
  await until(() => context.lines.length >= added + 5, 'the new line');
  await aMoment();
  await source.stop();
  assert.deepEqual([...context.lines].sort(), [...other, ...range(0, added)].sort());
});

/** What a rotation does with a file of which some lines are not read yet. */
const ROTATIONS: Record<string, (log: string, folder: string) => void> = {
  'a number': (log) => fs.renameSync(log, `${log}.1`),
  'a date behind the name': (log) => fs.renameSync(log, `${log}-20261101`),
  'a date before the suffix': (log, folder) => fs.renameSync(log, join(folder, 'shop-20261101.ndjson')),
  'a name that says nothing': (log, folder) => fs.renameSync(log, join(folder, 'archived')),
  gzip: (log) => pack(log, `${log}.1.gz`, gzipSync),
  'zstd, with a date': (log, folder) =>
    pack(log, join(folder, 'shop-2026-11-01.ndjson.zst'), zstdCompressSync),
  'several gzip members': (log) =>
    pack(log, `${log}-20261101.gz`, (bytes) =>
      Buffer.concat([gzipSync(bytes.subarray(0, 300)), gzipSync(bytes.subarray(300))]),
    ),
  'a copy, and emptied': (log) => {
    fs.copyFileSync(log, `${log}.1`);
    fs.truncateSync(log);
  },
  'a copy, packed, and emptied': (log) => {
    const bytes = fs.readFileSync(log);
    fs.writeFileSync(`${log}.1.gz`, gzipSync(bytes));
    fs.truncateSync(log);
  },
};
function pack(log: string, target: string, compress: (bytes: Buffer) => Buffer): void {
  const { atime, mtime } = fs.statSync(log);
  fs.writeFileSync(target, compress(fs.readFileSync(log)));
  fs.utimesSync(target, atime, mtime);
  fs.rmSync(log);
}

for (const [name, rotate] of Object.entries(ROTATIONS)) {
  test(`rotated while stopped: ${name}; read from the position, then the new file, and nothing twice`, async (t) => {
    const { folder, log, context, start } = tailBench(t);
    append(log, ...range(0, 10));
    const first = start();
    await until(() => context.lines.length === 10, 'the first lines');
    await first.stop();
    append(log, ...range(10, 20));
    rotate(log, folder);
    await sleep(5);
    append(log, ...range(20, 25));
    const second = start();
    await until(() => context.lines.length >= 25, 'all lines');
    await aMoment();
    assert.deepEqual(context.lines, range(0, 25));
    assert.equal(second.status().counters.lost_files, 0);
    await second.stop();
    start();
    append(log, LINE(25));
    await until(() => context.lines.length >= 26, 'the line after another restart');
    await aMoment();
    assert.deepEqual(context.lines, range(0, 26));
  });
}

test('a link that was moved to a new file while stopped: the rest of the old one first', async (t) => {
  const { folder, context, start } = tailBench(t);
  const [day1, day2, link] = ['shop-1.log', 'shop-2.log', 'today'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  append(day1, ...range(0, 5));
  fs.symlinkSync(day1, link);
  const first = start('today');
  await until(() => context.lines.length === 5, 'the first lines');
  await first.stop();
  append(day1, ...range(5, 8));
  append(day2, ...range(8, 10));
  fs.rmSync(link);
  fs.symlinkSync(day2, link);
  start('today');
  await until(() => context.lines.length >= 10, 'all lines');
  await aMoment();
  assert.deepEqual(context.lines, range(0, 10));
});

test('a link that is moved while it is followed', async (t) => {
  const { folder, context, start } = tailBench(t);
  const link = join(folder, 'today');
  append(join(folder, 'a.log'), ...range(0, 5));
  fs.symlinkSync(join(folder, 'a.log'), link);
  start('today');
  await until(() => context.lines.length === 5, 'the first lines');
  append(join(folder, 'a.log'), ...range(5, 7));
  append(join(folder, 'b.log'), ...range(7, 9));
  fs.symlinkSync(join(folder, 'b.log'), `${link}.new`);
  fs.renameSync(`${link}.new`, link);
  await until(() => context.lines.length >= 9, 'all lines');
  assert.deepEqual(context.lines, range(0, 9));
});

test('rotations that were missed as a whole, packed ones too, come in order; what was read and packed since does not', async (t) => {
  const { log, context, start } = tailBench(t);
  append(log, ...range(0, 5));
  const first = start();
  await until(() => context.lines.length === 5, 'the first lines');
  await first.stop();
  pack(log, `${log}.3.gz`, gzipSync);
  for (const [n, name] of [
    [5, '.2.gz'],
    [6, '.1'],
  ] as const) {
    await sleep(5);
    append(log, LINE(n));
    if (name.endsWith('.gz')) pack(log, `${log}${name}`, gzipSync);
    else fs.renameSync(log, `${log}${name}`);
  }
  await sleep(5);
  append(log, LINE(7));
  start();
  await until(() => context.lines.length >= 8, 'all lines');
  await aMoment();
  assert.deepEqual(context.lines, range(0, 8));
});

test('a pattern of packed files: each once, whatever they are renamed to; one that is still written waits', async (t) => {
  const { folder, context, start } = tailBench(t);
  const path = (name: string) => join(folder, name);
  const text = (from: number, to: number) =>
    Buffer.from(
      range(from, to)
        .map((line) => `${line}\n`)
        .join(''),
    );
  fs.writeFileSync(path('shop.1.gz'), gzipSync(text(0, 100)));
  fs.writeFileSync(path('plain.log'), text(900, 905));
  const source = start('*.{gz,zst}');
  await until(() => context.lines.length === 100, 'the first file');
  fs.renameSync(path('shop.1.gz'), path('shop.2.gz'));
  const whole = gzipSync(text(100, 5000));
  fs.writeFileSync(path('shop.1.gz'), whole.subarray(0, whole.length - 2000));
  await until(() => source.status().message.includes('is incomplete'), 'the message');
  assert.equal(context.lines.length, 100);
  fs.writeFileSync(path('shop.1.gz'), whole);
  await until(() => context.lines.length === 5000, 'the second file');
  fs.writeFileSync(path('new.zst'), zstdCompressSync(text(5000, 5010)));
  await until(() => context.lines.length === 5010, 'the third file');
  await source.stop();
  start('*.{gz,zst}');
  await aMoment();
  assert.deepEqual([...context.lines].sort(), range(0, 5010).sort());
});

test('a compressed file that stays truncated is read as far as possible, and reported', async (t) => {
  const { folder, context, start } = tailBench(t);
  const whole = gzipSync(
    Buffer.from(
      range(0, 5000)
        .map((line) => `${line}\n`)
        .join(''),
    ),
  );
  const path = join(folder, 'shop.gz');
  fs.writeFileSync(path, whole.subarray(0, whole.length >> 1));
  age(path, 100);
  const source = start('*.gz');
  await until(() => source.status().counters.cut_files === 1, 'the report');
  assert.ok(context.lines.length > 500 && context.lines.length < 5000);
  assert.deepEqual(context.lines.slice(0, -1), range(0, context.lines.length - 1));
  assert.ok(context.warnings.some((warning) => warning.includes('truncated or damaged')));
});

test('positions of an older version are taken over', async (t) => {
  const { folder, log, context, start } = tailBench(t);
  append(log, ...range(0, 10));
  const first = start();
  await until(() => context.lines.length === 10, 'the first lines');
  await first.stop();
  const state = join(folder, 'state');
  const { files } = JSON.parse(fs.readFileSync(join(state, 'tail.json'), 'utf8'));
  const names = [
    'id',
    'path',
    'family',
    'position',
    'skipping',
    'fingerprint',
    'rotated',
    'finished',
    'modifiedMs',
  ];
  const old = files.map((file: Record<string, unknown>) =>
    Object.fromEntries(names.map((name) => [name, file[name]])),
  );
  fs.rmSync(join(state, 'tail.json'));
  fs.writeFileSync(join(state, 'tail-0123456789abcdef.json'), JSON.stringify({ files: old }));
  append(log, LINE(10));
  start();
  await until(() => context.lines.length === 11, 'the new line');
  await until(() => fs.readdirSync(state).join() === 'tail.json', 'one state file');
  assert.deepEqual(context.lines, range(0, 11));
});
