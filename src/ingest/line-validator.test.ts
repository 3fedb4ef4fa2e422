import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BAD_MARK, BAD_MARK_FIELD, BAD_MARK_RAW, DEPTH_MAX } from '../event/fields.ts';
import { externalLine, isTooDeep } from '../event/mark-line.ts';
import type { LogBlock, LogWriter } from '../log/event-log.ts';
import type { Decoded } from './format.ts';
import { Ingestor } from './ingestor.ts';

const NOW_MS = Date.UTC(2026, 10, 23, 12);
const LINE_BYTES_MAX = 512;
const GOOD = '{"timestamp":"2026-11-23T10:15:30Z","event_type":"purchase"}';

function ingestorWith(log?: Partial<LogWriter>): Ingestor {
  return new Ingestor({
    log: (log ?? {}) as LogWriter,
    settings: { time_zone: 'UTC' },
    lineBytesMax: LINE_BYTES_MAX,
    now: () => NOW_MS,
  });
}

function check(body: string | Buffer) {
  const checked = ingestorWith().validate('http', Buffer.from(body));
  return { ...checked, stored: Buffer.concat(checked.bytes).toString('utf8') };
}

/** A stored line that was marked, as [reason, field, raw]. */
function mark(line: string): (string | undefined)[] {
  const record = JSON.parse(line) as Record<string, string>;
  return [record[BAD_MARK], record[BAD_MARK_FIELD], record[BAD_MARK_RAW]];
}

test('good lines are stored as they came', () => {
  const body = `${GOOD}\n${GOOD}\n`;
  const { stored, accepted, rejected, errors, bytes } = check(body);
  assert.deepEqual([stored, accepted, rejected, errors], [body, 2, 0, []]);
  assert.equal(bytes.length, 1, 'in one piece');
});

test('a last line without a line end gets one', () => {
  assert.equal(check(GOOD).stored, `${GOOD}\n`);
  assert.equal(check(`${GOOD}\n${GOOD}`).stored, `${GOOD}\n${GOOD}\n`);
  assert.equal(check(`x\n${GOOD}\r`).stored.split('\n').length, 3);
  assert.deepEqual(mark(check('x').stored), ['not_json', undefined, 'x']);
});

test('an empty body gives nothing', () => {
  for (const body of ['', '\n', '\r\n', ' \t\r\n\n', '\ufeff', '\ufeff\n', '\r']) {
    const { stored, accepted, rejected } = check(body);
    assert.deepEqual([stored, accepted, rejected], ['', 0, 0], JSON.stringify(body));
  }
});

test('empty lines are skipped, and counted for the line numbers', () => {
  const { stored, accepted, rejected, errors } = check(`\n${GOOD}\n \t \nx\n\n\n${GOOD}\n\ny`);
  assert.deepEqual([accepted, rejected], [2, 2]);
  assert.deepEqual(errors, [
    { line: 4, record: 2, code: 'not_json', example: 'x' },
    { line: 9, record: 4, code: 'not_json', example: 'y' },
  ]);
  assert.equal(stored.split('\n').length, 5);
});

test('line ends of Windows', () => {
  const { stored, accepted, rejected } = check(`${GOOD}\r\nbad\r\n\r\n${GOOD}\r`);
  assert.deepEqual([accepted, rejected], [2, 1]);
  assert.ok(!stored.includes('\r'));
  const lines = stored.split('\n');
  assert.deepEqual(mark(lines[1]!), ['not_json', undefined, 'bad'], 'the return is no part of the line');
  assert.deepEqual(JSON.parse(lines[2]!), JSON.parse(GOOD));
});

test('returns as space between tokens become spaces; returns in a string are bad', () => {
  assert.equal(check(GOOD.replace(',', ',\r\r')).stored, `${GOOD.replace(',', ',  ')}\n`);
  const bad = GOOD.replace('purchase', 'pur\rchase');
  assert.deepEqual(mark(check(bad).stored), ['not_json', undefined, bad]);
});

test('a byte order mark before the first line is dropped, elsewhere it is bad', () => {
  assert.equal(check(`\ufeff${GOOD}\n`).stored, `${GOOD}\n`);
  const { stored, errors } = check(`${GOOD}\n\ufeff${GOOD}\n`);
  assert.deepEqual(errors, [{ line: 2, record: 2, code: 'not_json', example: `\\ufeff${GOOD}` }]);
  assert.deepEqual(mark(stored.split('\n')[1]!), ['not_json', undefined, `\ufeff${GOOD}`]);
});

test('what is not UTF-8 is kept as base64, and spoils no other line', () => {
  const raw = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff, 0xfe, 0x00]), Buffer.from('"}')]);
  const { stored, accepted, errors } = check(
    Buffer.concat([Buffer.from(`${GOOD}\n`), raw, Buffer.from(`\n${GOOD}\n`)]),
  );
  assert.equal(accepted, 2);
  assert.deepEqual(errors, [
    { line: 2, record: 2, code: 'not_utf8', example: '{"a":"\ufffd\ufffd\\u0000"}' },
  ]);
  assert.deepEqual(mark(stored.split('\n')[1]!), ['not_utf8', undefined, raw.toString('base64')]);
});

test('lines at the limit and above it; the cut breaks no character', () => {
  const long = (bytes: number) =>
    GOOD.replace('}', `,"note":"`)
      .padEnd(bytes - 2, 'x')
      .concat('"}');
  assert.equal(check(long(LINE_BYTES_MAX)).accepted, 1);
  assert.equal(check(`${long(LINE_BYTES_MAX)}\r\n`).accepted, 1, 'the line end does not count');
  const over = long(LINE_BYTES_MAX + 1);
  assert.deepEqual(mark(check(over).stored), ['line_too_long', undefined, over.slice(0, LINE_BYTES_MAX)]);
  for (const unit of ['é', '€', '😀']) {
    for (let shift = 0; shift < 4; shift++) {
      const line = 'x'.repeat(shift) + unit.repeat(LINE_BYTES_MAX);
      const kept = Math.floor((LINE_BYTES_MAX - shift) / Buffer.byteLength(unit));
      assert.deepEqual(mark(check(line).stored), [
        'line_too_long',
        undefined,
        'x'.repeat(shift) + unit.repeat(kept),
      ]);
    }
  }
  const binary = Buffer.alloc(LINE_BYTES_MAX * 2, 0xff);
  assert.deepEqual(mark(check(binary).stored), [
    'not_utf8',
    undefined,
    binary.subarray(0, LINE_BYTES_MAX).toString('base64'),
  ]);
});

test('a validation result cannot be forged', () => {
  for (const line of [
    `{"${BAD_MARK}":"not_json"}`,
    `{"\\u0074illstream_bad":null}`,
    GOOD.replace('}', `,"${BAD_MARK}":{}}`),
  ]) {
    assert.deepEqual(mark(check(line).stored), ['reserved_field', BAD_MARK, line]);
  }
  const stored = check(GOOD.replace('}', `,"${BAD_MARK_FIELD}":"x","${BAD_MARK_RAW}":"y"}`));
  assert.equal(stored.accepted, 1, 'these mean nothing on their own');
});

test('at most 100 errors are listed; all are counted', () => {
  const { errors, rejected, reasons, stored } = check(`${'x\n'.repeat(150)}{}\n${GOOD}\n`);
  assert.deepEqual([errors.length, errors[99]!.line, rejected], [100, 100, 151]);
  assert.deepEqual(reasons, { not_json: 150, missing_field: 1 });
  assert.deepEqual(mark(stored.split('\n')[150]!), ['missing_field', 'timestamp', '{}']);
});

test('ingest stores what was checked, and an empty body stores nothing', async () => {
  const blocks: LogBlock[] = [];
  const told: [string, number][] = [];
  const ingestor = new Ingestor({
    log: { append: async (block: LogBlock) => blocks.push(block) } as unknown as LogWriter,
    settings: { time_zone: 'UTC' },
    lineBytesMax: LINE_BYTES_MAX,
    now: () => NOW_MS,
    onStored: (source, checked) => told.push([source, checked.rejected]),
  });
  const result = await ingestor.ingest('tail', Buffer.from(`${GOOD}\nx\n`));
  assert.deepEqual(
    [result.accepted, result.rejected, result.errors],
    [1, 1, [{ line: 2, record: 2, code: 'not_json', example: 'x' }]],
  );
  const empty = await ingestor.ingest('tail', Buffer.from('\n'));
  assert.deepEqual([empty.accepted, empty.rejected, empty.errors], [0, 0, []]);
  assert.deepEqual(
    blocks.map(({ source, lines }) => [source, lines]),
    [['tail', 2]],
  );
  assert.deepEqual(told, [
    ['tail', 1],
    ['tail', 0],
  ]);
});

test('what is nested as deeply as it may be is not too deep in its canonical form either', () => {
  const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  const ingestor = new Ingestor({
    log: {} as LogWriter,
    settings: { time_zone: 'UTC' },
    lineBytesMax: 8192,
    now: () => NOW_MS,
  });
  const line = (depth: number) => GOOD.replace('}', `,"note":"${'x'.repeat(3000)}","deep":${nested(depth)}}`);
  const checked = ingestor.validate('http', Buffer.from(line(DEPTH_MAX - 1)));
  assert.equal(checked.accepted, 1);
  const stored = Buffer.concat(checked.bytes);
  assert.match(stored.toString(), /"extra":\{"note"/);
  assert.equal(isTooDeep(stored, 0, stored.length - 1), false);
  assert.deepEqual(ingestor.validate('http', Buffer.from(line(DEPTH_MAX))).reasons, { too_deep: 1 });
  const forged = Buffer.from(line(DEPTH_MAX + 1));
  assert.equal(isTooDeep(forged, 0, forged.length), true);
});

const piece = fc.oneof(
  fc
    .constantFrom(
      GOOD,
      `${GOOD} `,
      GOOD.replace(',', ',\r'),
      '',
      ' ',
      '\t',
      'x',
      '{}',
      '{"a":"',
      '\ufeff',
      '\u2028',
      `{"${BAD_MARK}":1}`,
    )
    .map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
  fc.nat(700).map((length) => Buffer.alloc(length, 'é')),
);
const end = fc.constantFrom('\n', '\n', '\r\n', '\r', '\n\n', '').map((text) => Buffer.from(text));
const anyBody = fc.array(fc.tuple(piece, end), { maxLength: 12 }).map((parts) => Buffer.concat(parts.flat()));

test('any bytes: as many lines are stored as were counted, each of them JSON', () => {
  fc.assert(
    fc.property(anyBody, (body) => {
      const blanks = body
        .toString('latin1')
        .split('\n')
        .filter((line, i) => /^[ \t\r]*$/.test(i === 0 ? line.replace(/^\xef\xbb\xbf/, '') : line)).length;
      const { stored, accepted, rejected, reasons, errors } = check(body);
      const lines = stored.split('\n');
      assert.equal(lines.pop(), '');
      assert.equal(lines.length, accepted + rejected);
      assert.equal(lines.length, body.toString('latin1').split('\n').length - blanks);
      assert.ok(!stored.includes('\r'));
      assert.equal(
        Object.values(reasons).reduce((sum, n) => sum + n, 0),
        rejected,
      );
      const bad = lines.filter((line) => BAD_MARK in JSON.parse(line));
      assert.deepEqual(
        bad.map((line) => mark(line)[0]),
        errors.map(({ code }) => code),
      );
    }),
    { numRuns: 2000 },
  );
});

test('a record of an external topic always becomes one line', () => {
  fc.assert(
    fc.property(anyBody, (record) => {
      const line = externalLine(record, LINE_BYTES_MAX);
      assert.equal(line.indexOf(0x0a), line.length - 1);
      assert.ok(!line.includes(0x0d));
      assert.match(line.toString(), /[^ \t\n]/);
    }),
    { numRuns: 2000 },
  );
});

test('any number of rejected and blank lines is kept in few buffers, in order', () => {
  for (const unit of ['{}\n', 'x\n', `${GOOD}\n\n`, `${GOOD}\nx\n`, '1\r\n \n']) {
    const { bytes, accepted, rejected, stored } = check(unit.repeat(150_000));
    const units = check(unit);
    assert.equal(accepted, units.accepted * 150_000);
    assert.equal(rejected, units.rejected * 150_000);
    assert.equal(stored, units.stored.repeat(150_000));
    assert.ok(bytes.length < 2000, `${bytes.length} buffers for ${JSON.stringify(unit)}`);
  }
});

test('a body of more lines than the limit is refused as a whole, empty ones counted', () => {
  for (const unit of ['x\n', '\n', `${GOOD}\n`]) {
    assert.equal(
      ingestorWith().validate('http', Buffer.from(unit.repeat(1000)), { linesMax: 1000 }).errors.length <=
        100,
      true,
    );
    assert.throws(
      () => ingestorWith().validate('http', Buffer.from(unit.repeat(1001)), { linesMax: 1000 }),
      /more than 1000 lines, which is the limit/,
    );
  }
});

test('records and pieces that a format gave count as lines', () => {
  const piece = (kind: 'records' | 'rejected', count: number): Decoded[] => {
    const raw = Buffer.from('x');
    if (kind === 'rejected')
      return Array.from({ length: count }, (_, n) => ({ kind, reason: 'bad_quote', raw, place: n + 1 }));
    return [{ kind, records: Array.from({ length: count }, (_, n) => ({ fields: {}, raw, place: n + 1 })) }];
  };
  for (const kind of ['records', 'rejected'] as const) {
    const validate = (count: number) =>
      ingestorWith().validate('http', [...piece(kind, count - 5), ...piece('rejected', 5)], {
        linesMax: 100,
      });
    assert.equal(validate(100).rejected, 100);
    assert.throws(() => validate(101), /more than 100 lines, which is the limit/);
  }
});

test('ids of a place are of the record, too: files that begin alike share none but for equal records', () => {
  const ids = (body: string) =>
    Buffer.concat(
      ingestorWith().validate('load', Buffer.from(body), { ids: { prefix: 'abc', next: 1 } }).bytes,
    )
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { event_id: string }).event_id);
  const line = (user: string) => GOOD.replace('}', `,"user_id":"${user}"}`);
  const [first, second, third] = ids(`${line('u1')}\n${line('u2')}\n${line('u2')}\n`);
  const [again, other] = ids(`${line('u1')}\r\n${line('u3')}`);
  assert.equal(again, first);
  assert.equal(new Set([first, second, third, other]).size, 4);
});

test('what the log can’t take as one line is a bad row that it can take', () => {
  for (const lineBytesMax of [100, 200, 511, 10_000]) {
    const ingestor = ingestorWith({ lineBytesMax });
    for (const raw of ['x'.repeat(600), '\u0001'.repeat(300), '"'.repeat(200), 'é\u0002'.repeat(150)]) {
      const { bytes, rejected } = ingestor.validate('http', Buffer.from(`${raw}\n${GOOD}\n`));
      assert.equal(rejected, 1 + Number(GOOD.length >= lineBytesMax));
      for (const line of Buffer.concat(bytes).toString('utf8').split('\n'))
        assert.ok(Buffer.byteLength(line) < lineBytesMax, `${line.length} of ${lineBytesMax}`);
    }
  }
});

test('what a format rejects keeps its bytes, whatever they are', () => {
  const raw = Buffer.from([0xff, 0x22, 0x0a, 0xc3]);
  const result = ingestorWith().validate('http', [{ kind: 'rejected', reason: 'bad_quote', raw, place: 7 }]);
  const [reason, , kept] = mark(Buffer.concat(result.bytes).toString());
  assert.deepEqual([reason, Buffer.from(kept!, 'base64')], ['not_utf8', raw]);
  assert.deepEqual(
    result.errors.map(({ line, record, code }) => [line, record, code]),
    [[7, 1, 'not_utf8']],
  );
});

test('an event type may have the name of something that every object inherits', () => {
  for (const type of Object.getOwnPropertyNames(Object.prototype)) {
    // Read by its values at first, and by its bytes when the type is known.
    const line = `{"timestamp":"2026-11-23T10:15:30.000Z","event_type":"${type}","${type}":1,"ip":null}\n`;
    const { stored, accepted } = check(line.repeat(3));
    assert.equal(accepted, 3, type);
    const types = stored
      .trimEnd()
      .split('\n')
      .map((each) => JSON.parse(each).event_type);
    assert.deepEqual(types, [type, type, type]);
  }
});

test('lines with other names are read like the first of them', () => {
  const other = '{"eventTime":"2026-11-23T10:15:30.000Z","EVENT_TYPE":"purchase","total":"5.0000"}\n';
  const own = '{"timestamp":"2026-11-23T10:15:30.000Z","event_type":"purchase","amount":"5.0000"}\n';
  assert.equal(check(other.repeat(3)).stored, own.repeat(3));
  // Two names of a field: the surer one has it, wherever it stands.
  const ours = '"timestamp":"2026-11-23T10:15:30.000Z","event_type":"purchase"';
  for (const both of [`"amount":"1.00","total":"2.00"`, `"total":"2.00","amount":"1.00"`]) {
    const { stored } = check(`${other}{${ours},${both}}\n`);
    assert.equal(Number(JSON.parse(stored.split('\n')[1]!).amount), 1, both);
  }
  const twice = check(`${other}{${ours},"total":"2.00","amount":"1.00","amount":"1.00"}\n`);
  assert.deepEqual(
    twice.errors.map(({ code, field }) => [code, field]),
    [['duplicate_field', 'amount']],
  );
});
