/** The archive as other programs see it: deltalake and polars share no code with Tillstream. */
import assert from 'node:assert/strict';
import { readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { FIELDS } from '../../src/event/fields.ts';
import { type SimulatedLine, stream } from '../../tools/simulator/index.ts';
import { ArchiveRig } from '../support/archive-rig.ts';
import { temporaryDir } from '../support/product.ts';
import { type ArchiveSeen, python, readArchive } from '../support/read-archive.ts';

const KNOWN = new Set<string>(FIELDS.map(({ name }) => name));
const HOUR_MS = 3_600_000;
/** So that few commits are several checkpoints. */
const CHECKPOINT_EVERY = 10;
const COMMITS = 34;

let rig: ArchiveRig;
before(async () => {
  python();
  rig = await ArchiveRig.open(temporaryDir());
  rig.checkpointEvery = CHECKPOINT_EVERY;
});
after(() => rig.close());

/** Compares both tables row by row with what the simulator knows of its lines. */
function compare(seen: ArchiveSeen, lines: readonly SimulatedLine[]): void {
  const { events, bad_rows } = seen;
  const good = lines.filter(({ event }) => event !== null);
  assert.equal(events.rows, good.length);
  assert.equal(events.rows_in_stats, good.length);
  assert.equal(bad_rows.rows, lines.length - good.length);
  const offsets = [...events.data, ...bad_rows.data].map(([offset]) => Number(offset)).sort((a, b) => a - b);
  assert.deepEqual(offsets, Array.from(lines.keys()), 'each offset is there exactly once');

  const cents = (pick: (line: SimulatedLine) => number | null) =>
    good.reduce((sum, line) => sum + (pick(line) ?? 0), 0);
  assert.equal(Number(events.amount), cents(({ event }) => event!.amountCents) / 100);
  assert.equal(Number(events.price), cents(({ event }) => event!.priceCents) / 100);
  const ids = new Set(good.map(({ event }) => event!.eventId).filter((id) => id !== null));
  assert.equal(events.event_ids, ids.size);

  const at = (name: string) => events.columns.indexOf(name);
  for (const row of events.data) {
    const { line, event } = lines[Number(row[at('log_offset')])]!;
    assert.equal(row[at('event_id')], event!.eventId);
    assert.equal(row[at('event_type')], event!.eventType);
    assert.equal(Date.parse(String(row[at('event_time')])), event!.timeMs);
    assert.equal(row[at('event_date')], new Date(event!.timeMs).toISOString().slice(0, 10));
    assert.equal(
      row[at('amount')],
      event!.amountCents === null ? null : (event!.amountCents / 100).toFixed(4),
    );
    const others = Object.entries(JSON.parse(String(line))).filter(([name]) => !KNOWN.has(name));
    const extra = row[at('extra')];
    assert.deepEqual(extra === null ? {} : JSON.parse(String(extra)), Object.fromEntries(others));
  }
  for (const [offset, reason] of bad_rows.data) {
    assert.equal(reason, lines[Number(offset)]!.reason, String(lines[Number(offset)]!.line).slice(0, 200));
  }
}

const lines: SimulatedLine[] = [];

test('rows, sums, ids, times and extra fields are the simulator’s, after many commits with checkpoints', async () => {
  const archive = await rig.openArchive();
  const rates = { malformed: 0.02, duplicate: 0.02, late: 0.001, veryLate: 0.0005, extraFields: 0.1 };
  const startMs = Date.UTC(2026, 5, 1, 22);
  for (const line of stream({ seed: 11, count: COMMITS * 100, startMs, eventsPerSecond: 0.3, rates }))
    lines.push(line);
  for (let at = 0; at < lines.length; at += 100) {
    const group = lines.slice(at, at + 100);
    rig.nowMs = group.at(-1)!.receivedAtMs;
    await rig.receive(group.map(({ line }) => line));
    assert.ok(await rig.archive(archive, 100));
  }
  const appId = `tillstream/${rig.log.id}/0`;
  const seen = await readArchive(rig.archiveDir, ['rows', `txn=${appId}`]);
  compare(seen, lines);
  assert.ok(seen.events.version >= COMMITS);
  assert.equal(seen.events.txn[appId], Number(seen.events.offset_max));
  assert.equal(archive.position(0), lines.length);
  assert.ok(logFiles('events').includes('00000000000000000030.checkpoint.parquet'));
});

test('compaction changes no row for readers before, during and after it', async () => {
  const archive = await rig.openArchive();
  const before = await readArchive(rig.archiveDir);
  // Two at once, as maintenance and a command may be, and each with lines coming in.
  const again = lines.slice(0, 300);
  rig.nowMs = lines.at(-1)!.receivedAtMs + 1000;
  await rig.receive(again.map(({ line }) => line));
  const [first, second] = await Promise.all([
    archive.compact(),
    archive.compact(),
    rig.archive(archive, 1000),
  ]);
  lines.push(...again);
  assert.ok(first.filesBefore > COMMITS && first.filesAfter < 20, JSON.stringify(first));
  assert.ok(second.filesBefore < first.filesBefore);
  const seen = await readArchive(rig.archiveDir, ['rows']);
  compare(seen, lines);
  assert.ok(seen.events.files < before.events.files / 4);
});

test('the table is whole after old commits are deleted, for readers and for the next start', async () => {
  const old = new Date(rig.nowMs - 48 * HOUR_MS);
  for (const table of ['events', 'bad_rows']) {
    for (const name of logFiles(table)) utimesSync(join(rig.archiveDir, table, '_delta_log', name), old, old);
  }
  const archive = await rig.openArchive();
  const { filesDeleted, logFilesDeleted } = await archive.vacuum(0);
  assert.ok(
    filesDeleted > COMMITS && logFilesDeleted >= 30,
    JSON.stringify({ filesDeleted, logFilesDeleted }),
  );
  assert.ok(!logFiles('events').includes('00000000000000000000.json'));
  compare(await readArchive(rig.archiveDir, ['rows']), lines);
  assert.equal((await archive.vacuum(0)).filesDeleted, 0);

  const reopened = await rig.openArchive();
  assert.equal(reopened.position(0), lines.length);
  assert.deepEqual(reopened.counts(), archive.counts());
});

test('a pointer to the checkpoint that is empty, damaged or gone stops no start', async () => {
  const pointer = join(rig.archiveDir, 'events', '_delta_log', '_last_checkpoint');
  for (const damage of [
    () => writeFileSync(pointer, ''),
    () => writeFileSync(pointer, '{"ver'),
    () => rm(pointer),
  ]) {
    await damage();
    const archive = await rig.openArchive();
    assert.equal(archive.position(0), lines.length);
    assert.equal(archive.status().tables.events.rows, lines.filter(({ event }) => event).length);
  }
});

test('two writers on one folder lose and double no row', async () => {
  const [one, two] = [await rig.openArchive(), await rig.openArchive()];
  const more = lines.slice(0, 1000);
  for (let at = 0; at < more.length; at += 50) {
    rig.nowMs += 1000;
    await rig.receive(more.slice(at, at + 50).map(({ line }) => line));
  }
  lines.push(...more);
  // Both write what comes next; whoever is slower finds its rows taken, and goes on after them.
  const writer = async (archive: typeof one) => {
    while (archive.position(0) < lines.length) await rig.archive(archive, 50).catch(() => {});
  };
  await Promise.all([writer(one), writer(two), one.compact(), two.compact(), two.vacuum(0)]);
  compare(await readArchive(rig.archiveDir, ['rows']), lines);
});

test('vacuum keeps files that are being read or about to be committed', async () => {
  const archive = await rig.openArchive();
  const held = await archive.withFiles('events', {}, async (paths) => {
    await rig.receive(lines.slice(0, 400).map(({ line }) => line));
    await Promise.all([archive.compact(), archive.vacuum(0), rig.archive(archive, 1000), archive.vacuum(0)]);
    await archive.vacuum(0);
    return paths.filter((path) => !readdirSync(join(path, '..')).includes(path.split('/').at(-1)!));
  });
  assert.deepEqual(held, [], 'files vanished under a reader');
  lines.push(...lines.slice(0, 400));
  compare(await readArchive(rig.archiveDir, ['rows']), lines);
});

function logFiles(table: string): string[] {
  return readdirSync(join(rig.archiveDir, table, '_delta_log'));
}
