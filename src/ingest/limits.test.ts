/** Records that are too long, damage that swallows others, and formats whose input needs more than a text. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeDetection, detectFormat } from './detect.ts';
import { detected, type Piece, readAll } from './fake-reading.ts';
import { RECORD_BYTES_MAX } from './format.ts';

const LONG = 'x'.repeat(RECORD_BYTES_MAX);

function* chunksOf(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** The pieces, which must be the same in chunks of several sizes. */
function read(text: string | Buffer): Piece[] {
  const bytes = Buffer.from(text);
  const found = detected(bytes);
  const all = readAll(found, [bytes]);
  for (const size of [50_000, 3 << 20]) assert.deepEqual(readAll(found, chunksOf(bytes, size)), all);
  return all;
}

const outline = (pieces: readonly Piece[]) =>
  pieces.map(({ place, rejected }) => `${rejected ?? 'read'} ${place}`);

describe('A record that is too long', () => {
  const inputs: Record<string, (middle: string) => string> = {
    ndjson: (middle) => `{"time":1}\n{"time":2}\n{"a":"${middle}"}\n{"time":4}\n`,
    'json-array': (middle) => `[{"time":1},\n{"time":2},\n{"a":"${middle}"},\n{"time":4}]`,
    json: (middle) => `{"time":1}{"b":1}\n{"time":2}{"a":"${middle}"}\n{"time":4}`,
    'json-wrapper': (middle) => `{"events":[{"time":1},\n{"time":2},\n{"a":"${middle}"},\n{"time":4}]}`,
    csv: (middle) => `time,event\n1,a\n"${middle}",b\n2,c\n`,
    w3c: (middle) => `#Fields: time event\n1 a\n${middle} b\n2 c\n`,
    'json-inside': (middle) =>
      `web | {"time":1}\nweb | {"time":2}\nweb | {"a":"${middle}"}\nweb | {"time":3}\n`,
  };
  for (const [name, input] of Object.entries(inputs))
    it(`is one bad row with its beginning: ${name}`, () => {
      assert.equal(detected(Buffer.from(input('x'))).format.name, name);
      const short = read(input('x'));
      assert.ok(short.every(({ rejected }) => !rejected));
      for (const text of [LONG, `${LONG}${LONG}`]) {
        const long = read(input(text));
        assert.deepEqual(
          long.map(({ place, rejected }) => [place, rejected !== undefined]),
          short.map(({ place, raw, json }) => [place, /x/.test(raw ?? json ?? '')]),
        );
        const bad = long.find(({ rejected }) => rejected);
        assert.ok(bad?.raw && bad.raw.length <= RECORD_BYTES_MAX && /x{100}/.test(bad.raw));
      }
    });
});

describe('Damage', () => {
  it('that leaves a bracket open does not swallow the records on the lines after it', () => {
    const lines = Array.from({ length: 300 }, (_, i) => `{"time":${i},"items":[{"id":1}]}`);
    lines[20] = '{"time":20,"items":[{"id":1},';
    const pieces = read(`[\n${lines.join(',\n')}\n]`);
    assert.deepEqual(
      outline(pieces).filter((text) => !text.startsWith('read')),
      ['not_json 22'],
    );
    assert.equal(pieces.length, 300);
  });

  it('without end is scanned again a bounded number of times', { timeout: 300_000 }, () => {
    const bytes = Buffer.from('{"a":[\n'.repeat(200_000));
    const pieces = readAll(detected(bytes), [bytes]);
    assert.ok(pieces.every(({ rejected }) => rejected));
    // Each bad row stands for a scan of a thousand levels; one for each line would be 200,000.
    assert.ok(pieces.length > 1 && pieces.length < 50_000, `${pieces.length} bad rows`);
  });

  it('that opens a quote in CSV does not swallow the records after it, wherever it is', () => {
    const lines = Array.from({ length: 200 }, (_, i) => `${1_700_000_000 + i},view,p${i},note ${i}`);
    for (const column of [1, 2, 3])
      for (const closing of [null, 31, 32, 120]) {
        const damaged = [...lines];
        damaged[30] = damaged[30]!
          .split(',')
          .map((cell, i) => (i === column ? `"${cell}` : cell))
          .join(',');
        if (closing !== null) damaged[closing] = `${damaged[closing]}"`;
        const pieces = read(`time,event,product,note\n${damaged.join('\n')}\n`);
        const bad = outline(pieces).filter((text) => !text.startsWith('read'));
        assert.deepEqual(
          bad,
          closing === null ? ['bad_quote 32'] : ['bad_quote 32', `bad_quote ${closing + 2}`],
        );
        assert.equal(pieces.length, 200);
      }
  });

  it('is not seen where a cell has lines that are text', () => {
    const pieces = read(
      'time,event,note\n1,view,"Dear shop,\n\nthanks, and bye,\nAnn"\n2,view,"a\nb"\n3,view,c\n',
    );
    assert.deepEqual(outline(pieces), ['read 2', 'read 6', 'read 8']);
    assert.equal(pieces[0]?.fields?.note, 'Dear shop,\n\nthanks, and bye,\nAnn');
  });

  it('that cuts an array or a wrapper is reported, with all records before it', () => {
    assert.deepEqual(outline(read('[{"time":1},\n{"time":2},')), ['read 1', 'read 2', 'cut_off 2']);
    assert.deepEqual(outline(read('[{"time":1},\n{"tim')), ['read 1', 'cut_off 2']);
    assert.deepEqual(outline(read('{"events":[{"time":1}],"n')), ['read 1', 'cut_off 1']);
    assert.deepEqual(outline(read('{"events":[{"time":1},')), ['read 1', 'cut_off 1']);
  });
});

describe('Lines that a log shipper has cut', () => {
  const whole = `{"time":1,"text":"${'é'.repeat(20_000)}"}`;

  it('are joined again: Docker', () => {
    const parts = [whole.slice(0, 9000), whole.slice(9000, 18_000), `${whole.slice(18_000)}\n`];
    const lines = parts.flatMap((log) => [
      JSON.stringify({ log, stream: 'stdout' }),
      JSON.stringify({ log: 'other\n', stream: 'stderr' }),
    ]);
    const first = JSON.stringify({ log: '{"time":0}', stream: 'stdout' });
    const pieces = read(`${first}\n${lines.join('\n')}\n`);
    assert.deepEqual(outline(pieces), ['read 1', 'not_json 3', 'not_json 5', 'read 2', 'not_json 7']);
    assert.equal(pieces[3]?.json, whole);
  });

  it('have a limit', () => {
    const part = JSON.stringify({ log: 'x'.repeat(16_384), stream: 'stdout' });
    const first = JSON.stringify({ log: '{"time":0}\n', stream: 'stdout' });
    const pieces = read(`${first}\n${`${part}\n`.repeat(300)}`);
    assert.deepEqual(outline(pieces), ['read 1', 'line_too_long 2', 'not_json 259']);
  });
});

describe('SequenceFiles', () => {
  const sync = Buffer.from('0123456789abcdef');
  const int = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(value);
    return bytes;
  };
  const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  const header = (valueClass: string, compressed = 0) =>
    Buffer.concat([
      Buffer.from('SEQ\x06'),
      text('org.apache.hadoop.io.LongWritable'),
      text(valueClass),
      Buffer.from([compressed, 0]),
      int(1),
      text('key'),
      text('value'),
      sync,
    ]);
  const record = (wrapped: Buffer) =>
    Buffer.concat([int(8 + wrapped.length), int(8), Buffer.alloc(8), wrapped]);
  const bytesOf = (value: string) => Buffer.concat([int(value.length), Buffer.from(value)]);
  const BYTES = 'org.apache.hadoop.io.BytesWritable';
  const TEXT = 'org.apache.hadoop.io.Text';
  const mark = Buffer.concat([int(-1), sync]);

  it('give their values, of both classes', () => {
    const long = `{"time":2,"text":"${'y'.repeat(300)}"}`;
    const wrap: Record<string, (value: string) => Buffer> = {
      [BYTES]: bytesOf,
      [TEXT]: (value) =>
        Buffer.concat([
          value.length < 128
            ? Buffer.from([value.length])
            : Buffer.from([0x8e, value.length >> 8, value.length]),
          Buffer.from(value),
        ]),
    };
    for (const [name, wrapped] of Object.entries(wrap)) {
      const values = ['{"time":1}', long, '{"time":\n3}'].map((value) => record(wrapped(value)));
      const pieces = read(Buffer.concat([header(name), values[0]!, mark, values[1]!, mark, values[2]!]));
      assert.deepEqual(pieces, [
        { place: 1, json: '{"time":1}' },
        { place: 2, json: long },
        { place: 3, json: '{"time": 3}' },
      ]);
    }
  });

  it('that are cut or damaged give what came before', () => {
    const good = Buffer.concat([header(BYTES), record(bytesOf('{"time":1}')), mark]);
    const cut = Buffer.concat([good, record(bytesOf('{"time":2}')).subarray(0, 20)]);
    assert.deepEqual(outline(read(cut)), ['read 1', 'cut_off 2']);
    const damaged = Buffer.concat([
      good,
      int(-1),
      Buffer.from('not the same one'),
      record(bytesOf('{"time":2}')),
    ]);
    assert.deepEqual(outline(read(damaged)), ['read 1', 'bad_record 2']);
  });

  it('that cannot be read are refused with the reason', () => {
    for (const [bytes, message] of [
      [header(BYTES, 1), /compressed SequenceFile/],
      [header('org.example.Event'), /values of org\.example\.Event/],
      [Buffer.from('SEQ\x04abc'), /version 4/],
      [header(BYTES).subarray(0, 40), /header is damaged/],
    ] as const) {
      const found = detectFormat({ bytes, isWhole: true });
      assert.match('refusal' in found ? found.refusal : describeDetection(found as never), message);
    }
  });
});
