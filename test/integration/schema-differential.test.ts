import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { LineChecker } from '../../src/domain/check-line.ts';
import { DIFFERENCES } from '../../src/domain/differences.ts';
import { BAD_MARK, BAD_MARK_FIELD, BAD_MARK_RAW } from '../../src/domain/fields.ts';
import { foreignLine } from '../../src/domain/mark-line.ts';
import { Door } from '../../src/pipeline/door.ts';
import type { LogBatch } from '../../src/ports/event-log.ts';
import { differencesOf } from '../support/difference-of.ts';
import { expectedRow, type TextRow, VALUE_SELECT } from '../support/expected-row.ts';
import { anyLine } from '../support/line-arbitraries.ts';
import { openParser, type ParserUnderTest } from '../support/parse-lines.ts';

const TIME_ZONE = 'Europe/Berlin';
const NOW_MS = Date.UTC(2026, 10, 23, 12);
const LINE_BYTES_MAX = 64 * 1024;
const LINES = Number(process.env.TILLSTREAM_TEST_LINES ?? 20_000);
const SEED = Number(process.env.TILLSTREAM_TEST_SEED ?? Date.now() % 2 ** 31);

interface Row extends TextRow {
  reason: string | null;
  field: string | null;
  raw: string | null;
}

const SELECT = `${VALUE_SELECT}, '|' || reason AS reason, '|' || field AS field, '|' || raw AS raw`;

let parser: ParserUnderTest;
before(async () => {
  parser = await openParser(TIME_ZONE);
});
after(() => parser.close());

const door = new Door({
  log: undefined as never,
  timeZone: TIME_ZONE,
  lineBytesMax: LINE_BYTES_MAX,
  now: () => NOW_MS,
});
const checker = new LineChecker(TIME_ZONE);

function sample(): Buffer[] {
  return fc.sample(anyLine, { numRuns: LINES, seed: SEED });
}

async function parse(lines: Buffer[], judged: boolean): Promise<Row[]> {
  const bytes = Buffer.concat(lines);
  const batch: LogBatch = {
    partition: 0,
    firstOffset: 0,
    nextOffset: lines.length,
    sharesOffset: false,
    lines: lines.length,
    receivedAtMs: NOW_MS,
    source: 'http',
    bytes,
    judged,
  };
  const rows = await parser.rows<Row>([batch], SELECT);
  // The prefix keeps a leading U+FEFF, which DuckDB's Node API would take for a byte order mark.
  for (const row of rows) for (const name in row) row[name] = row[name]?.slice(1) ?? null;
  return rows.map((row) => ({ ...row }));
}

/** The lines of the log that the door makes of one line: one, or none when it was blank. */
function throughDoor(line: Buffer): { stored: Buffer; reason: string | null } | null {
  const checked = door.check(Buffer.from(line));
  if (checked.accepted + checked.rejected === 0) return null;
  assert.equal(checked.accepted + checked.rejected, 1);
  return { stored: Buffer.concat(checked.bytes), reason: checked.errors[0]?.code ?? null };
}

function accepted(line: Buffer): TextRow {
  assert.equal(checker.check(line, 0, line.length, NOW_MS), null);
  return { ...expectedRow(checker, line, TIME_ZONE), reason: null, field: null, raw: null };
}

function rejected(line: Buffer): { reason: string; field: string | null; raw: string } {
  const mark = JSON.parse(line.toString()) as Record<string, string>;
  return { reason: mark[BAD_MARK]!, field: mark[BAD_MARK_FIELD] ?? null, raw: mark[BAD_MARK_RAW]! };
}

test(`SQL and the door agree on every line that passed the door (seed ${SEED})`, async (t) => {
  const stored: { line: Buffer; reason: string | null }[] = [];
  for (const line of sample()) {
    const result = throughDoor(line);
    if (result) stored.push({ line: result.stored, reason: result.reason });
  }
  const rows = await parse(
    stored.map(({ line }) => line),
    true,
  );
  const reasons: Record<string, number> = {};
  for (const [i, { line, reason }] of stored.entries()) {
    const row = rows[i]!;
    const text = line.subarray(0, -1);
    if (reason === null) assert.deepEqual(row, accepted(text), text.toString());
    else {
      const { reason, field, raw } = row;
      assert.deepEqual({ reason, field, raw }, rejected(text), text.toString());
    }
    reasons[reason ?? 'accepted'] = (reasons[reason ?? 'accepted'] ?? 0) + 1;
  }
  t.diagnostic(`${stored.length} lines: ${JSON.stringify(reasons)}`);
  assert.ok(reasons.accepted! > stored.length / 4, 'most lines should be good ones');
});

test(`lines that passed no door: SQL takes what the door takes; the rest is on the list (seed ${SEED})`, async (t) => {
  const lines = sample();
  const rows = await parse(
    lines.map((line) => foreignLine(line, LINE_BYTES_MAX)),
    false,
  );
  const found: Record<string, number> = {};
  for (const [i, line] of lines.entries()) {
    const row = rows[i]!;
    const result = throughDoor(line);
    if (result?.reason === null) {
      assert.deepEqual(row, accepted(result.stored.subarray(0, -1)), line.toString());
    } else if (row.reason === null) {
      const names = differencesOf(line, (mended) => throughDoor(mended)?.reason === null);
      assert.ok(
        names,
        `SQL accepts what the door refuses as ${result?.reason}: ${line}\n${JSON.stringify(row)}`,
      );
      for (const name of names) {
        assert.ok(
          DIFFERENCES.some((difference) => difference.name === name),
          name,
        );
        found[name] = (found[name] ?? 0) + 1;
      }
    }
  }
  t.diagnostic(JSON.stringify(found));
});

for (const difference of DIFFERENCES) {
  test(`difference: ${difference.name}`, async () => {
    const line = Buffer.from(difference.line);
    assert.equal(throughDoor(line)?.reason, difference.reason);
    const [row] = await parse([foreignLine(line, LINE_BYTES_MAX)], false);
    const { reason } = row!;
    assert.equal(reason, null);
    for (const [column, value] of Object.entries(difference.row)) assert.equal(row![column], value, column);
  });
}
