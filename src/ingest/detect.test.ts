/** What files of shops are taken for, and that every record of them is read or rejected at its place. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { openContent } from './content.ts';
import { describeDetection, detectFormat } from './detect.ts';
import { detected, readAll } from './fake-reading.ts';
import type { DetectOptions } from './format.ts';
import { isDecidingName } from './names.ts';

const CASES = join(import.meta.dirname, '../../test/fixtures/cases');

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

/** Records, bad rows, and the places of the first and the last piece. */
async function summary(name: string, options: DetectOptions = {}, encoding?: string) {
  const content = await openContent(once(readFileSync(join(CASES, name))), encoding ? { encoding } : {});
  const found = detectFormat(content.sample, { isKnownName: isDecidingName, ...options });
  assert.ok('format' in found, JSON.stringify(found));
  const chunks: Buffer[] = [];
  for await (const chunk of content.chunks) chunks.push(chunk);
  const pieces = readAll(found, chunks);
  const rejected = pieces.filter((piece) => piece.rejected);
  return {
    what: describeDetection(found, content.encoding),
    records: pieces.length - rejected.length,
    rejected: rejected.map(({ place, rejected: reason }) => `${reason} ${place}`),
    places: pieces.length > 0 ? [pieces[0]!.place, pieces.at(-1)!.place] : [],
    fields: pieces.find(({ fields }) => fields)?.fields,
  };
}

const COMMA = 'CSV, comma, 7 columns, header in line 1';
const SEMICOLON = 'CSV, semicolon, 7 columns, header in line 1';

/** File: what it is, records, first and last place, bad rows. */
const RIGHT: Record<string, [what: string, records: number, places: number[], rejected?: string[]]> = {
  'csv-badquote-late.csv': [COMMA, 99, [2, 101], ['bad_quote 81']],
  'csv-swallow.csv': [COMMA, 98, [2, 101], ['bad_quote 22', 'bad_quote 82']],
  'csv-shift.csv': [COMMA, 5, [2, 11], [3, 5, 7, 9, 11].map((line) => `wrong_cell_count ${line}`)],
  'csv-missing.csv': [
    COMMA,
    0,
    [2, 11],
    [2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map((i) => `wrong_cell_count ${i}`),
  ],
  'csv-header-words.csv': [COMMA, 10, [2, 11]],
  'csv-null.csv': [COMMA, 10, [2, 11]],
  'csv-upperevt.csv': [COMMA, 10, [2, 11]],
  'csv-latin1-user.csv': [COMMA, 8, [2, 11], ['not_utf8 3', 'not_utf8 4']],
  'csv-semicolon-decimal.csv': [SEMICOLON, 10, [2, 11]],
  'csv-thousands-eu.csv': [SEMICOLON, 10, [2, 11]],
  'csv-sep.csv': ['CSV, semicolon, 7 columns, header in line 2', 10, [3, 12]],
  'csv-tab.tsv': ['CSV, tab, 7 columns, header in line 1', 10, [2, 11]],
  'rees46.csv': ['CSV, comma, 9 columns, header in line 1', 120, [2, 121]],
  'retailrocket.csv': ['CSV, comma, 5 columns, header in line 1', 100, [2, 101]],
  'csv-utf16le.ndjson': ['NDJSON, utf-16le', 3, [1, 3]],
  'json-wrap-events.json': ['JSON object, records in events', 10, [1, 1]],
  'segment-batch.json': ['JSON object, records in batch, not read: sentAt, writeKey', 4, [1, 1]],
  'json-pretty-concat.json': ['json', 10, [1, 64]],
  'json-array-trailcomma.json': ['json-array', 10, [2, 11]],
  'ce-batch.json': ['json-array', 2, [1, 1]],
  'f-junk.ndjson.gz': ['NDJSON', 200, [1, 200]],
  'f-cut.ndjson.gz': ['NDJSON', 88, [1, 88]],
  'debezium.ndjson': ['NDJSON', 10, [1, 10]],
  'nginx-json.txt': ['NDJSON', 20, [1, 20]],
  'cf-logpush.txt': ['NDJSON', 20, [1, 20]],
  'nginx-combined.txt': ['access-log, combined', 20, [1, 20]],
  'alb.txt': ['alb', 20, [1, 20]],
  'cloudfront.tsv': ['w3c, 13 columns', 20, [3, 22]],
  'docker-json.txt': ['JSON inside other lines, in the member "log"', 5, [1, 5]],
  // Records with arrays in them, or envelopes that a mapping opens: one object each.
  ...Object.fromEntries(
    'otlp-logs firehose pubsub ga4-mp shopify-order snowplow-tp2 stripe-pi'
      .split(' ')
      .map((name) => [`${name}.json`, ['json, one object', 1, [1, 1]]]),
  ),
  'segment-half.ndjson': ['json, one object', 1, [1, 1]],
};

describe('Files of shops', () => {
  for (const [name, [what, records, places, rejected = []]] of Object.entries(RIGHT))
    it(`${name} is ${what}`, async () => {
      const { fields: _, ...found } = await summary(name);
      assert.deepEqual(found, { what, records, rejected, places });
    });

  it('Latin-1 is read where it is declared', async () => {
    const found = await summary('csv-latin1-user.csv', {}, 'latin1');
    assert.equal(found.what, `${COMMA}, windows-1252`);
    assert.deepEqual([found.records, found.rejected], [10, []]);
  });

  it('names and values are those of the source', async () => {
    assert.deepEqual((await summary('csv-semicolon-decimal.csv')).fields, {
      timestamp: '2024-11-01T10:00:00Z',
      event_type: 'purchase',
      user_id: 'u0',
      product_id: 'p0',
      amount: '39,80',
      currency: 'EUR',
      note: 'ok',
    });
    const { fields } = await summary('alb.txt');
    assert.deepEqual(
      [fields?.request, fields?.elb_status_code, fields?.target_processing_time, fields?.chosen_cert_arn],
      ['GET https://www.shop.example:443/p/0 HTTP/1.1', '200', '0.048', undefined],
    );
  });
});

function refusal(content: string | Buffer, options?: DetectOptions): string {
  const bytes = Buffer.from(content);
  const found = detectFormat({ bytes, isWhole: true }, options);
  assert.ok('refusal' in found, JSON.stringify(found));
  return found.refusal;
}

describe('What is refused before anything is stored', () => {
  const files: Record<string, string | Buffer> = {
    'Excel workbook;': 'PK\x03\x04\x14\0\0\0\x08\0....[Content_Types].xml',
    'Excel workbook of': Buffer.from('d0cf11e0a1b11ae1', 'hex'),
    'zip archive': 'PK\x03\x04\x14\0\0\0\x08\0....data.csv',
    Avro: 'Obj\x01\x04\x16avro.schema',
    ORC: 'ORC\x08\x03',
    PDF: '%PDF-1.7\n',
    'HTML page': '\n<!DOCTYPE html><html>',
    XML: '<?xml version="1.0"?><events/>',
    'XML;': '<events><event/></events>',
    image: Buffer.from('89504e470d0a1a0a', 'hex'),
    SQLite: 'SQLite format 3\0',
    DuckDB: '12345678DUCK\0',
    'xz file': Buffer.from('fd377a585a00', 'hex'),
    'tar archive': Buffer.concat([Buffer.from('events.json'), Buffer.alloc(246), Buffer.from('ustar')]),
  };
  for (const [what, bytes] of Object.entries(files))
    it(what, () => {
      assert.match(refusal(bytes), new RegExp(`^looks like (an? )?.*${what}.*`));
      assert.match(refusal(bytes), /; /);
    });

  it('Parquet is left to a reader of files', () => {
    const bytes = Buffer.from('PAR1\x15\x04\x15');
    assert.deepEqual(detectFormat({ bytes, isWhole: true }), { fileFormat: 'parquet' });
    assert.ok('format' in detectFormat({ bytes: Buffer.from('PAR1,time\n1,2\n'), isWhole: true }));
  });

  it('a column that is named twice', () => {
    const bytes = readFileSync(join(CASES, 'csv-duphdr.csv'));
    assert.equal(
      refusal(bytes),
      'names the column "amount" twice; columns: timestamp, event_type, user_id, product_id, amount, currency, amount',
    );
  });

  it('a header without any of the columns that events need', () => {
    const text = 'sku,stock,price\na,1,2.00\nb,2,3.00\n';
    assert.match(
      refusal(text, { isKnownName: isDecidingName }),
      /^has neither a column for the time nor .*; columns: sku, stock, price\./,
    );
    // A mapping that reads `sku` makes it a known name.
    detected(Buffer.from(text), { isKnownName: (name) => name === 'sku' });
  });

  it('a header in another encoding, where a column would be lost', () => {
    const bytes = Buffer.from('timestamp;event_type;W\u00e4hrung\n2026-11-03;purchase;EUR\n', 'latin1');
    assert.match(refusal(bytes), /^has names of columns that are not UTF-8; .* Set --encoding/);
    detected(bytes, { columns: ['timestamp', 'event_type', 'currency'] });
    // The page shows such a table, with what is wrong, and where the encoding is set.
    detected(bytes, { isKnownName: () => true });
  });

  it('two arrays of records in one object, unless one is named', () => {
    const text = '{"a":{"in":[{"time":1}]},"out":[{"time":2},{"time":3}]}';
    assert.match(refusal(text), /a\.in, out; .*name one in a mapping, such as each: \["a\.in\[\*\]"\]/);
    const bytes = Buffer.from(text);
    assert.equal(readAll(detected(bytes, { wrapper: 'out' }), [bytes]).filter((p) => p.json).length, 2);
    assert.equal(readAll(detected(bytes, { wrapper: 'out' }), [bytes])[2]?.rejected, 'bad_record');
    assert.equal(describeDetection(detected(bytes, { wrapper: false })), 'json, one object');
    assert.match(refusal(text, { wrapper: 'b' }), /no array of objects at b; arrays found: a\.in, out/);
  });

  it('prose, a single column, and formats that do not exist', () => {
    assert.match(refusal('Dear all,\n\nthe export, as promised.\nRegards\n'), /has an unknown format/);
    assert.match(refusal('a\nb\nc\n'), /has an unknown format/);
    assert.match(refusal('{"time":1}', { format: 'xls' }), /can't be read as "xls"; formats: .*ndjson/);
    assert.match(refusal('a,b\n1,2\n', { format: 'json-array' }), /does not look like json-array/);
  });
});

describe('Detection', () => {
  const what = (text: string, options?: DetectOptions) =>
    describeDetection(detected(Buffer.from(text), options));

  it('treats an empty input as no records', () => {
    for (const text of ['', ' \n\n', '\ufeff']) assert.equal(what(text), 'empty');
  });

  it('is not misled by a first line that is broken or something else', () => {
    const lines = '{"time":1,"event":"a"}\n'.repeat(5);
    assert.equal(what(`{"time":1,"eve\n${lines}`), 'NDJSON');
    assert.equal(what(`Export of 1 November\n${lines}`), 'NDJSON');
  });

  it('distinguishes an order with lines from a wrapper', () => {
    assert.equal(what('{"timestamp":1,"event_type":"purchase","items":[{"date":1}]}'), 'json, one object');
    assert.equal(
      what('{"events":[{"time":1}],"next":"x"}'),
      'JSON object, records in events, not read: next',
    );
    assert.equal(what('{"events":[]}'), 'JSON object, records in events');
    assert.equal(what('{"a":{"b":{"c":[{"time":1}]}}}'), 'JSON object, records in a.b.c');
    assert.equal(what('{"a":{"b":{"c":{"d":[{"time":1}]}}}}'), 'json, one object');
  });

  it('finds a wrapper whose array is longer than the sample', () => {
    const records = Array.from({ length: 5000 }, (_, i) => `{"time":${i},"event":"view"}`);
    const bytes = Buffer.from(`{"page":1,"data":[${records.join(',\n')}]}`);
    const found = detected(bytes);
    assert.equal(describeDetection(found), 'JSON object, records in data, not read: page');
    const pieces = readAll(found, [bytes.subarray(0, 70_000), bytes.subarray(70_000)]);
    assert.deepEqual(
      pieces,
      records.map((json, i) => ({ place: i + 1, json })),
    );
  });

  it('of CSV can be declared', () => {
    const text = '1#2#3\n';
    assert.equal(
      what(text, { format: 'csv', delimiter: '#' }),
      'CSV, "#" between cells, 3 columns, no header',
    );
    const bytes = Buffer.from('a;b\n1;2\n');
    const found = detected(bytes, { header: false, columns: ['time', 'event'], delimiter: ';' });
    assert.deepEqual(
      readAll(found, [bytes]).map(({ fields }) => fields),
      [
        { time: 'a', event: 'b' },
        { time: '1', event: '2' },
      ],
    );
  });

  it('of CSV works with lines above its header', () => {
    const table = 'Time,Event,Amount\n2026-11-01,sale,"5, or so"\n2026-11-02,sale,6\n';
    for (const [above, details] of [
      ['Sales of November\n', 'header in line 2, 1 line before it left out'],
      ['Sales of November\n\nof our "shop"\n,,\n', 'header in line 5, 3 lines before it left out'],
      ['"Sales\nof November",,\n', 'header in line 3, 1 line before it left out'],
    ] as const) {
      const bytes = Buffer.from(above + table);
      const found = detected(bytes);
      assert.equal(describeDetection(found), `CSV, comma, 3 columns, ${details}`);
      assert.deepEqual(
        readAll(found, [bytes]).map(({ fields }) => fields),
        [
          { Time: '2026-11-01', Event: 'sale', Amount: '5, or so' },
          { Time: '2026-11-02', Event: 'sale', Amount: '6' },
        ],
      );
    }
    // Not a title: a header with one name too few, or a record.
    assert.match(what(`,time,when\n1,2026-11-01,event\n2,2026-11-01,x\n`), /header in line 1$/);
    assert.match(
      refusal('a,b,c\n1,time,x\n2,2,y\n', { isKnownName: (name) => name === 'time' }),
      /^has neither a column for the time .*; columns: a, b, c\./,
    );
  });

  it('of CSV may be known for files without a line of names', () => {
    const headerless = { columns: ['when', 'what', 'note'], quotes: false };
    const bytes = Buffer.from('1\twhat\t5" frame\n2\tsale\t"half\n3\tsale\t{"a":"b, c"}\n');
    const found = detected(bytes, { headerless });
    assert.equal(describeDetection(found), 'CSV, tab, 3 columns, no header, no quotes');
    assert.deepEqual(
      readAll(found, [bytes]).map(({ fields }) => fields),
      [
        { when: '1', what: 'what', note: '5" frame' },
        { when: '2', what: 'sale', note: '"half' },
        { when: '3', what: 'sale', note: '{"a":"b, c"}' },
      ],
    );
    const quoted = { ...headerless, quotes: true };
    assert.equal(what('1;a;"x;y"\n2;b;c\n', { headerless: quoted }), 'CSV, semicolon, 3 columns, no header');
    // A table that has its names, or as many as another one.
    assert.equal(
      what('note\twhat\twhen\nx\ty\t1\n', { headerless }),
      'CSV, tab, 3 columns, header in line 1',
    );
    assert.match(
      refusal(Buffer.from('1,a,b,c\n2,a,b,c\n'), { headerless, isKnownName: () => false }),
      /no line with the names of its 4 columns/,
    );
  });

  it('of CSV accepts a header that lacks the last delimiter of its lines', () => {
    const bytes = Buffer.from('time,event\n1,a,\n2,b,\n');
    assert.deepEqual(
      readAll(detected(bytes), [bytes]).map(({ fields }) => fields),
      [
        { time: '1', event: 'a' },
        { time: '2', event: 'b' },
      ],
    );
  });

  it('looks into compressed content', async () => {
    const content = await openContent(once(gzipSync('time;event\n1;a\n2;b\n')));
    const found = detectFormat(content.sample);
    assert.ok('format' in found);
    assert.equal(describeDetection(found), 'CSV, semicolon, 2 columns, header in line 1');
  });
});

it('a table without a line of names is read where the names are given, and refused otherwise', async () => {
  const columns = ['timestamp', 'event_type', 'user_id', 'product_id', 'amount', 'currency', 'note'];
  const { what, records, fields } = await summary('csv-nohdr.csv', { columns, header: false });
  assert.deepEqual([what, records], ['CSV, comma, 7 columns, no header', 10]);
  assert.equal(fields?.event_type, 'purchase');
  await assert.rejects(summary('csv-nohdr.csv'), /has no line with the names of its 7 columns/);
  await assert.rejects(summary('snowplow-enriched.tsv'), /has no line with the names of its 131 columns/);
});

it('lines of events that begin with something else are lines of events', () => {
  for (const first of [
    '<html><body>502 Bad Gateway</body></html>',
    '<?xml version="1.0"?>',
    '%PDF-1.4',
    '[',
    'x;y',
  ]) {
    const bytes = Buffer.from(
      `${first}\n${'{"timestamp":"2026-11-23T10:15:30Z","event_type":"search"}\n'.repeat(9)}`,
    );
    const found = detectFormat({ bytes, isWhole: true });
    assert.equal('format' in found && found.format.name, 'ndjson', first);
  }
});
