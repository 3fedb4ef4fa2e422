import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { BAD_MARK, BAD_MARK_FIELD, BAD_MARK_RAW } from '../../src/event/fields.ts';
import { externalLine, markedLine } from '../../src/event/mark-line.ts';
import { Ingestor } from '../../src/ingest/ingestor.ts';
import type { LogBatch } from '../../src/log/event-log.ts';
import { openMemoryLog } from '../../src/log/memory/log.ts';
import { type DecoderUnderTest, openDecoder } from '../support/decode-lines.ts';
import { anyLine } from '../support/line-arbitraries.ts';
import { batchOf, purchaseLine as event, NOW_MS } from '../support/log-batch.ts';
import { testSeed } from '../support/seed.ts';

const MIB = 1024 * 1024;
const SEED = testSeed('fields of a batch');

let decoder: DecoderUnderTest;
before(async () => {
  decoder = await openDecoder('Europe/Berlin');
});
after(() => decoder.close());

test('a batch without lines gives an empty relation with the same column types', async () => {
  const empty = await decoder.decoder.decode(() => []);
  const full = await decoder.decoder.decode(() => [[batchOf(0, [event('a')])]]);
  const types = (rowsSql: string) =>
    decoder.connection.rows(`SELECT column_name, column_type FROM (DESCRIBE ${rowsSql})`);
  assert.deepEqual([empty.lines, empty.badLines, empty.sources], [0, 0, {}]);
  assert.deepEqual(await types(empty.rowsSql), await types(full.rowsSql));
  await decoder.decoder.release(empty);
  await decoder.decoder.release(full);
});

test('a batch whose header counts other lines than it holds is noticed, and leaves nothing behind', async () => {
  const ab = [event('a'), event('b')];
  const whole = batchOf(12, ab);
  const cut = { ...whole, bytes: whole.bytes.subarray(0, -1) };
  for (const [batch, message] of [
    [batchOf(10, ab, { lines: 1 }), /has 2 lines from offset 10 on, but should have 1/],
    [batchOf(10, ab, { lines: 3 }), /has 2 lines from offset 10 on, but should have 3/],
    [cut, /has 1 lines from offset 12 on, but should have 2/],
  ] as const) {
    await assert.rejects(
      decoder.decoder.decode(() => [[batch], [whole]]),
      message,
    );
  }
  assert.deepEqual(await decoder.connection.rows('SELECT table_name FROM duckdb_tables()'), []);
});

test('lines of 64 KB and more keep every byte', async () => {
  const note = 'é'.repeat(32 * 1024);
  const long = event('long', `,"note":"${note}"`);
  const rows = await decoder.rows<{ extra: string | null }>(
    [batchOf(0, [event('a'), long, event('b'), long])],
    'extra',
  );
  assert.deepEqual(
    rows.map(({ extra }) => extra),
    [null, JSON.stringify({ note }), null, JSON.stringify({ note })],
  );
});

test('the longest marked line that ingest can write is read', async () => {
  const raw = Buffer.alloc(MIB, 0x01);
  const marked = markedLine('not_json', undefined, raw, MIB);
  assert.ok(marked.length > 6 * MIB);
  const batch: LogBatch = { ...batchOf(0, []), lines: 3, bytes: Buffer.concat([marked, marked, marked]) };
  const rows = await decoder.rows<object>([batch], 'reason, strlen(raw) AS bytes');
  assert.deepEqual(
    rows.map((row) => ({ ...row })),
    [1, 2, 3].map(() => ({ reason: 'not_json', bytes: MIB })),
  );
});

test('bytes that would upset a CSV reader stay in their row', async () => {
  const records = [
    event('a'),
    event('b', ',"note":"x\u0001y"'),
    'a,b;c|d\t"e\'f',
    '#comment',
    `\ufeff${event('c')}`,
    event('d').replaceAll(',', ',\r\n'),
    '"unclosed',
    '\\',
    '\u0001',
    '\u0000',
    'NULL',
    ' ',
    '',
    event('e', ',"note":"\u2028\u0085\ufeff"'),
    '"a" "b"',
    "'",
    event('z'),
  ];
  const lines = records.map((record) => externalLine(Buffer.from(record), 1000));
  const batch: LogBatch = { ...batchOf(0, []), lines: lines.length, bytes: Buffer.concat(lines) };
  const rows = await decoder.rows<{ event_id: string | null; reason: string | null; raw: string }>(
    [batch],
    'event_id, reason, raw',
  );
  assert.deepEqual(
    rows.map(({ event_id, reason }) => event_id ?? reason),
    records.map((_, i) => ({ 0: 'a', 4: 'c', 5: 'd', 13: 'e', 16: 'z' })[i] ?? 'not_json'),
  );
  for (const i of [1, 2, 3, 6, 7, 8, 9, 10, 11, 12, 14, 15]) assert.equal(rows[i]!.raw, records[i]);
});

test('a record of an external topic can name its own validation result, but nothing else', async () => {
  const lines = [
    { [BAD_MARK]: 'made_up', [BAD_MARK_RAW]: 'raw' },
    { [BAD_MARK]: '' },
    { [BAD_MARK]: { a: 1 }, [BAD_MARK_RAW]: ['x'] },
    { [BAD_MARK_RAW]: 'forged', event_type: 'purchase' },
    { timestamp: 'soon', [BAD_MARK]: 'cut_off', [BAD_MARK_FIELD]: 7, [BAD_MARK_RAW]: 'raw', amount: [] },
    { [BAD_MARK_RAW]: 'raw', [BAD_MARK]: 'bad_number', [BAD_MARK_FIELD]: 'amount' },
  ].map((line) => JSON.stringify(line));
  const rows = await decoder.rows<object>([batchOf(0, lines)], 'reason, field, raw');
  const reserved = { reason: 'reserved_field', field: BAD_MARK };
  assert.deepEqual(
    rows.map((row) => ({ ...row })),
    [
      { ...reserved, raw: lines[0] },
      { ...reserved, raw: lines[1] },
      { ...reserved, raw: lines[2] },
      { reason: 'missing_field', field: 'timestamp', raw: lines[3] },
      { reason: 'cut_off', field: null, raw: 'raw' },
      { reason: 'bad_number', field: 'amount', raw: 'raw' },
    ],
  );
});

test('external lines are read as ingest reads them, and what is doubtful about them is found once', async () => {
  const batch = batchOf(0, [
    event('a', ',"order_id":"1","amount":"12.50","currency":"EUR","user_id":"null"'),
    '',
    event('b', ',"user_agent":"Googlebot/2.1"'),
    event('c', ',"order_id":"2","currency":"EUR"'),
  ]);
  const rows = await decoder.rows<object>([batch], 'event_id, user_id, amount IS NULL AS free, bot, reason');
  assert.deepEqual(
    rows.map((row) => ({ ...row })),
    [
      { event_id: 'a', user_id: null, free: false, bot: null, reason: null },
      { event_id: null, user_id: null, free: true, bot: null, reason: 'not_json' },
      { event_id: 'b', user_id: null, free: true, bot: true, reason: null },
      { event_id: 'c', user_id: null, free: true, bot: null, reason: null },
    ],
  );
  const stored: string[] = [];
  const ingestor = new Ingestor({
    log: openMemoryLog({ now: () => NOW_MS }),
    settings: {},
    lineBytesMax: MIB,
    now: () => NOW_MS,
    onStored: (source, { accepted, rejected }) => stored.push(`${source} ${accepted} ${rejected}`),
  });
  for (let time = 0; time < 3; time++) ingestor.validateExternal(batch);
  assert.deepEqual(stored, ['http 1 0', 'http 0 1', 'http 2 0']);
  assert.deepEqual(
    ingestor.findings()[0]!.findings.map(({ code, rows }) => `${code} ${rows}`),
    ['bot_sales 1', 'purchase_without_value 1'],
  );
});

test('where one part of a batch was not validated by ingest, all of it is validated; a line that is not JSON fails no batch', async () => {
  const late = '{"timestamp":"2026-11-23T13:00:00Z","event_type":"purchase"}';
  const select = 'event_id, reason';
  const canonical = { canonical: true };
  const trusted = await decoder.rows<object>([batchOf(0, [event('a'), late], canonical)], select);
  const mixed = await decoder.rows<object>([batchOf(0, [event('a')], canonical), batchOf(1, [late])], select);
  const broken = await decoder.rows<object>([batchOf(0, [event('a'), '{"a":', late], canonical)], select);
  const reasons = (rows: object[]) => rows.map((row) => (row as { reason: string | null }).reason);
  assert.deepEqual(reasons(trusted), [null, null]);
  assert.deepEqual(reasons(mixed), [null, 'timestamp_in_future']);
  assert.deepEqual(reasons(broken), [null, 'not_json', 'timestamp_in_future']);
});

test('what ingest rejects is a bad row, whatever its record claims', async () => {
  const forged = [
    '5',
    '{"a":1}',
    '{"timestamp":"9999-12-31T00:00:00Z","event_type":"purchase"}',
    '{"timestamp":"1960-01-01T00:00:00Z","event_type":"purchase"}',
    '{"timestamp":"soon","event_type":"purchase"}',
    '{"timestamp":"2026-11-23T12:00:00Z"}',
    event('a'),
  ];
  const rows = await decoder.rows<{ reason: string; raw: string }>(
    [batchOf(0, forged, { canonical: true })],
    'reason, raw',
  );
  assert.deepEqual(
    rows.map(({ reason }) => reason),
    [
      'not_an_object',
      'missing_field',
      'timestamp_in_future',
      'timestamp_out_of_range',
      'bad_timestamp',
      'missing_field',
      null,
    ],
  );
  assert.deepEqual(
    rows.slice(0, 6).map(({ raw }) => raw),
    forged.slice(0, 6),
  );
});

test('nesting of any depth does not end the process', async () => {
  const deep = 400_000;
  const records = [
    event('a', `,"deep":${'['.repeat(deep)}${']'.repeat(deep)}`),
    event('b', `,"coupon":${'{"a":'.repeat(deep)}1${'}'.repeat(deep)}`),
    '['.repeat(deep),
    event('c', `,"note":"\\"${'['.repeat(deep)}\\\\"`),
    event('d', `,"note":"\\"${'['.repeat(deep)}`),
  ];
  const lines = records.map((record) => externalLine(Buffer.from(record), 4 * MIB));
  const batch: LogBatch = { ...batchOf(0, []), lines: lines.length, bytes: Buffer.concat(lines) };
  const rows = await decoder.rows<{ reason: string | null }>([batch], 'reason');
  assert.deepEqual(
    rows.map(({ reason }) => reason),
    ['too_deep', 'too_deep', 'too_deep', null, 'not_json'],
  );
});

test('a time that is ahead of its receipt is checked by the batch it came in', async () => {
  const line = '{"timestamp":"2026-11-23T12:05:00.001Z","event_type":"purchase"}';
  const rows = await decoder.rows<{ reason: string | null }>(
    [batchOf(0, [line]), batchOf(1, [line], { receivedAtMs: NOW_MS + 1 })],
    'reason',
  );
  assert.deepEqual(
    rows.map(({ reason }) => reason),
    ['timestamp_in_future', null],
  );
});

test('what ingest stored is decoded, whatever came in between', async () => {
  const ingestor = new Ingestor({
    log: openMemoryLog({ now: () => NOW_MS }),
    settings: { time_zone: 'UTC' },
    lineBytesMax: 300,
    now: () => NOW_MS,
  });
  const body = Buffer.concat([
    Buffer.from(`${event('a')}\r\n\r\nnonsense\u0000\n`),
    Buffer.from([0xff, 0xfe, 0x0a]),
    Buffer.from(`${event('b', `,"note":"${'é'.repeat(200)}"`)}\n${event('c')}`),
  ]);
  const checked = ingestor.validate('test', body);
  const lines = checked.accepted + checked.rejected;
  const rows = await decoder.rows<object>(
    [{ ...batchOf(0, []), lines, bytes: Buffer.concat(checked.bytes), canonical: true }],
    'event_id, reason, raw[:12] AS raw',
  );
  assert.deepEqual(
    rows.map((row) => ({ ...row })),
    [
      { event_id: 'a', reason: null, raw: null },
      { event_id: null, reason: 'not_json', raw: 'nonsense\u0000' },
      { event_id: null, reason: 'not_utf8', raw: '//4=' },
      { event_id: null, reason: 'line_too_long', raw: '{"timestamp"' },
      { event_id: 'c', reason: null, raw: null },
    ],
  );
});

test(`a batch of which the fields are known is read as one of which they are not (seed ${SEED})`, async () => {
  const ingestor = new Ingestor({
    log: openMemoryLog({ now: () => NOW_MS }),
    settings: { time_zone: 'UTC' },
    lineBytesMax: MIB,
    now: () => NOW_MS,
  });
  const sample = fc.sample(anyLine, { numRuns: 1500, seed: SEED });
  const sales = Array.from({ length: 40 }, (_, n) =>
    Buffer.from(event(`e${n}`, `,"order_id":"o${n}","product_id":"p","quantity":2,"amount":"7.5"`)),
  );
  for (const lines of [sample, sample.slice(0, 60), sales, [], [Buffer.from(event('a'))]]) {
    const { fields, bytes, accepted, rejected } = ingestor.validate(
      'test',
      Buffer.concat(lines.map((line) => Buffer.concat([line, Buffer.from('\n')]))),
    );
    const stored = { lines: accepted + rejected, bytes: Buffer.concat(bytes), canonical: true };
    const batch = { ...batchOf(0, []), ...stored, nextOffset: stored.lines };
    const batches = (more: Partial<LogBatch>) => (stored.lines === 0 ? [] : [{ ...batch, ...more }]);
    const all = await decoder.rows<object>(batches({}), '*');
    assert.deepEqual(await decoder.rows<object>(batches({ fields }), '*'), all);
  }
});

test('what ingest wrote is read with its types and never as texts, be it little or much', async (t) => {
  const ingestor = new Ingestor({
    log: openMemoryLog({ now: () => NOW_MS }),
    settings: { time_zone: 'UTC' },
    lineBytesMax: MIB,
    now: () => NOW_MS,
  });
  const forms = [
    ',"price":"1.50","quantity":3',
    ',"price":1.5,"quantity":"3"',
    ',"price":"1.500000","unknown":{"a":[1,null]}',
    ',"price":1.5,"extra":{"b":"é"},"user_id":17,"coupon":null',
  ];
  const run = t.mock.method(decoder.connection, 'run');
  for (const count of [8, 40_000]) {
    const lines = Array.from({ length: count }, (_, n) => event(`e${n}`, forms[n % forms.length]));
    const checked = ingestor.validate('test', Buffer.from(`${lines.join('\n')}\nnonsense\n`));
    const batch = {
      ...batchOf(0, []),
      lines: count + 1,
      bytes: Buffer.concat(checked.bytes),
      canonical: true,
    };
    const rows = await decoder.rows<object>(
      [batch],
      'event_id, CAST(price AS VARCHAR) AS price, extra, reason',
    );
    assert.deepEqual(
      [...rows.slice(0, 4), rows.at(-1)!].map((row) => ({ ...row })),
      [
        { event_id: 'e0', price: '1.5000', extra: null, reason: null },
        { event_id: 'e1', price: '1.5000', extra: null, reason: null },
        { event_id: 'e2', price: '1.5000', extra: '{"unknown":{"a":[1,null]}}', reason: null },
        { event_id: 'e3', price: '1.5000', extra: '{"b":"é"}', reason: null },
        { event_id: null, price: null, extra: null, reason: 'not_json' },
      ],
    );
  }
  const statements = run.mock.calls.map((call) => String(call.arguments[0]));
  assert.equal(statements.filter((sql) => sql.includes('_texts')).length, 0);
  assert.equal(statements.filter((sql) => sql.includes('read_json')).length, 1);
});

for (const canonical of [true, false]) {
  test(`rows are in the order of the lines, over many pieces that are read side by side; canonical: ${canonical}`, async () => {
    const count = 150_000;
    const note = ',"extra":{"note":"'.concat('x'.repeat(120), '"}');
    const batches = Array.from({ length: 30 }, (_, n) => {
      const lines = Array.from({ length: count / 30 }, (_, i) => event(`${(n * count) / 30 + i}`, note));
      return batchOf((n * count) / 30, lines, { canonical, receivedAtMs: NOW_MS + n, source: `s${n % 3}` });
    });
    const [row] = await decoder.rows<{ rows: number; wrong: number }>(
      batches,
      `count(*) OVER () AS rows, count_if(CAST(event_id AS BIGINT) <> log_offset
        OR epoch_ms(received_at) <> ${NOW_MS} + log_offset // ${count / 30} OR source <> 's' || (log_offset // ${count / 30} % 3)) OVER () AS wrong`,
    );
    assert.deepEqual({ ...row }, { rows: count, wrong: 0 });
  });
}

test('a whole number with zeros before it is read, in little and in much, and so is one that claims to be canonical', async () => {
  const line = event('a', ',"response_time":"007","status_code":"-0"');
  const many = Array.from({ length: 3000 }, (_, n) => event(`${n}`));
  const ingestor = new Ingestor({
    log: openMemoryLog({ now: () => NOW_MS }),
    settings: { time_zone: 'UTC' },
    lineBytesMax: MIB,
    now: () => NOW_MS,
  });
  for (const lines of [[line], [line, ...many]]) {
    const bytes = Buffer.concat(ingestor.validate('test', Buffer.from(lines.join('\n'))).bytes);
    const read = { ...batchOf(0, []), lines: lines.length, bytes, canonical: true };
    for (const batch of [read, batchOf(0, lines), batchOf(0, lines, { canonical: true })]) {
      const rows = await decoder.rows<object>([batch], 'event_id, response_time, reason');
      assert.deepEqual({ ...rows[0]! }, { event_id: 'a', response_time: 7, reason: null });
      assert.equal(rows.length, lines.length);
    }
  }
});

test('money keeps each digit, as a text and as a number, in little and in much', async () => {
  const cents = Array.from({ length: 3000 }, (_, n) => (BigInt(n) * 3_333_333_333_337n) % 10n ** 16n);
  const texts = cents.map((units) => `${units / 10_000n}.${String(units % 10_000n).padStart(4, '0')}`);
  const lines = texts.map((text, n) => event(`${n}`, `,"price":${text},"amount":"${text}"`));
  const ingestor = new Ingestor({
    log: openMemoryLog({ now: () => NOW_MS }),
    settings: { time_zone: 'UTC' },
    lineBytesMax: MIB,
    now: () => NOW_MS,
  });
  for (const part of [lines.slice(-300), lines]) {
    const bytes = Buffer.concat(ingestor.validate('test', Buffer.from(part.join('\n'))).bytes);
    const batch = { ...batchOf(0, []), lines: part.length, bytes, canonical: true };
    const rows = await decoder.rows<object>(
      [batch],
      'CAST(price AS VARCHAR) AS price, CAST(amount AS VARCHAR) AS amount',
    );
    const expected = texts.slice(-part.length).map((text) => ({ price: text, amount: text }));
    assert.deepEqual(
      rows.map((row) => ({ ...row })),
      expected,
    );
  }
});
