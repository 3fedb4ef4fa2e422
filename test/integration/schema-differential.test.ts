import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { LineChecker } from '../../src/event/check-line.ts';
import { BAD_MARK, BAD_MARK_FIELD, BAD_MARK_RAW } from '../../src/event/fields.ts';
import { externalLine, markedLine } from '../../src/event/mark-line.ts';
import { Ingestor } from '../../src/ingest/ingestor.ts';
import type { LogBatch } from '../../src/log/event-log.ts';
import { newPlainLineProgram } from '../../src/system/plain-line-program.ts';
import { type DecoderUnderTest, openDecoder } from '../support/decode-lines.ts';
import { expectedRow, type TextRow, VALUE_SELECT } from '../support/expected-row.ts';
import { anyLine } from '../support/line-arbitraries.ts';
import { testSeed } from '../support/seed.ts';

const TIME_ZONE = 'Europe/Berlin';
const NOW_MS = Date.UTC(2026, 10, 23, 12);
const LINE_BYTES_MAX = 64 * 1024;
const LINES = Number(process.env.TILLSTREAM_TEST_LINES ?? 8000);
const SEED = testSeed('schema differential');

interface Row extends TextRow {
  reason: string | null;
  field: string | null;
  raw: string | null;
}

const SELECT = `${VALUE_SELECT}, '|' || reason AS reason, '|' || field AS field, '|' || raw AS raw`;

let decoder: DecoderUnderTest;
before(async () => {
  decoder = await openDecoder(TIME_ZONE);
});
after(() => decoder.close());

const ingestor = new Ingestor({
  log: {} as never,
  settings: { time_zone: TIME_ZONE },
  lineBytesMax: LINE_BYTES_MAX,
  now: () => NOW_MS,
});
const checker = new LineChecker(TIME_ZONE, newPlainLineProgram());

function sample(): Buffer[] {
  return fc.sample(anyLine, { numRuns: LINES, seed: SEED });
}

async function parse(lines: Buffer[], canonical: boolean): Promise<Row[]> {
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
    canonical,
  };
  const rows = await decoder.rows<Row>([batch], SELECT);
  // The prefix keeps a leading U+FEFF, which DuckDB's Node API would take for a byte order mark.
  for (const row of rows) for (const name in row) row[name] = row[name]?.slice(1) ?? null;
  return rows.map((row) => ({ ...row }));
}

/** The lines of the log that ingest makes of one line: one, or none when it was blank. */
function throughIngestor(line: Buffer): { stored: Buffer; reason: string | null } | null {
  const checked = ingestor.validate('test', Buffer.from(line));
  if (checked.accepted + checked.rejected === 0) return null;
  assert.equal(checked.accepted + checked.rejected, 1);
  return { stored: Buffer.concat(checked.bytes), reason: checked.errors[0]?.code ?? null };
}

/** A byte order mark and the line end are no part of the line. */
function withoutMark(whole: Buffer): Buffer {
  const start = whole.toString('latin1', 0, 3) === '\xef\xbb\xbf' ? 3 : 0;
  const end = /[\r\n]*$/.exec(whole.toString('latin1'))!.index;
  return whole.subarray(start, Math.max(start, end));
}

function accepted(whole: Buffer): TextRow {
  const line = Buffer.from(withoutMark(whole));
  assert.equal(checker.check(line, 0, line.length, NOW_MS), null);
  return { ...expectedRow(checker, line, TIME_ZONE), reason: null, field: null, raw: null };
}

function rejected(line: Buffer): { reason: string; field: string | null; raw: string } {
  const mark = JSON.parse(line.toString()) as Record<string, string>;
  return { reason: mark[BAD_MARK]!, field: mark[BAD_MARK_FIELD] ?? null, raw: mark[BAD_MARK_RAW]! };
}

test(`SQL and ingest agree on every line that ingest stored (seed ${SEED})`, async (t) => {
  const stored: { line: Buffer; original: Buffer; reason: string | null }[] = [];
  for (const line of sample()) {
    const result = throughIngestor(line);
    if (result) stored.push({ line: result.stored, original: line, reason: result.reason });
  }
  const rows = await parse(
    stored.map(({ line }) => line),
    true,
  );
  const reasons: Record<string, number> = {};
  for (const [i, { line, original, reason }] of stored.entries()) {
    const row = rows[i]!;
    const text = line.subarray(0, -1);
    if (reason === null) {
      assert.deepEqual(row, accepted(text), `${original}\n${text}`);
      // What was written says the same when it comes again. That a visitor is not a bot is not written, and long numbers in extra become texts.
      const again = throughIngestor(text)!;
      assert.equal(again.reason, null, text.toString());
      const { bot, extra } = row;
      assert.deepEqual({ ...accepted(again.stored), bot, extra }, row, text.toString());
    } else {
      const { reason, field, raw } = row;
      assert.deepEqual({ reason, field, raw }, rejected(text), text.toString());
    }
    reasons[reason ?? 'accepted'] = (reasons[reason ?? 'accepted'] ?? 0) + 1;
  }
  t.diagnostic(`${stored.length} lines: ${JSON.stringify(reasons)}`);
  assert.ok(reasons.accepted! > stored.length / 4, 'most lines should be good ones');
});

test(`a line that came past ingest gives the row that it would have given through it (seed ${SEED})`, async (t) => {
  const lines = sample();
  const rows = await parse(
    lines.map((line) => externalLine(line, LINE_BYTES_MAX)),
    false,
  );
  const stored = lines.map((line) => throughIngestor(line)?.stored ?? blank(line));
  const wanted = await parse(stored, true);
  let accepted = 0;
  for (const [i, row] of rows.entries()) {
    const { raw, extra, ...values } = row;
    const { raw: rawThroughIngest, extra: extraThroughIngest, ...valuesThroughIngest } = wanted[i]!;
    assert.deepEqual(values, valuesThroughIngest, lines[i]!.toString());
    // A number in there is spelled as it came, or as the reader of values writes it.
    assert.equal(extra === null, extraThroughIngest === null, lines[i]!.toString());
    // Returns and the like, which are no text of a line, are tabs there.
    if (raw === null) accepted++;
    else if (row.reason !== 'not_utf8')
      assert.equal(raw.replace(SPACES, ''), rawThroughIngest!.replace(SPACES, ''));
  }
  t.diagnostic(`${accepted} of ${lines.length} accepted`);
  assert.ok(accepted > lines.length / 4, 'most lines should be good ones');
});

const SPACES = /[\ufeff\r\t ]/g;
/** A record without anything in it has an offset, so it has a row. */
const blank = (line: Buffer) => markedLine('not_json', undefined, line, LINE_BYTES_MAX);
