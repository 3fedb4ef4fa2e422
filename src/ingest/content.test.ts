import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { type Content, type ContentOptions, openContent } from './content.ts';

const CASES = join(import.meta.dirname, '../../test/fixtures/cases');
const LINES = Array.from({ length: 4000 }, (_, i) => `{"n":${i},"text":"Größe ${(i * 7919) % 4001}"}\n`).join(
  '',
);
const TEXT = Buffer.from(LINES);

async function* chunksOf(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(
  bytes: Buffer,
  options?: ContentOptions,
  size = 1000,
): Promise<{ text: Buffer; content: Content }> {
  const content = await openContent(chunksOf(bytes, size), options);
  const parts: Buffer[] = [];
  for await (const chunk of content.chunks) parts.push(chunk);
  return { text: Buffer.concat(parts), content };
}

/** Pieces that a compressed file may consist of. */
const HALVES = [TEXT.subarray(0, 50_000), TEXT.subarray(50_000)];
const skippable = Buffer.concat([Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0]), Buffer.from('abc')]);
const fixture = (name: string) =>
  readFileSync(join(import.meta.dirname, '../../test/fixtures/content', name));
const withName = Buffer.concat([
  Buffer.from([0x1f, 0x8b, 8, 4 + 8 + 16, 0, 0, 0, 0, 0, 3, 2, 0, 1, 2]),
  Buffer.from('name\0comment\0'),
  gzipSync(TEXT).subarray(10),
]);

describe('Compressed content', () => {
  const whole: Record<string, Buffer> = {
    gzip: gzipSync(TEXT),
    'gzip with name, comment and extra field': withName,
    'gzip of several members': Buffer.concat(HALVES.map((half) => gzipSync(half))),
    'gzip filled up with zeros': Buffer.concat([gzipSync(TEXT), Buffer.alloc(512)]),
    zstd: zstdCompressSync(TEXT),
    'zstd of several frames': Buffer.concat([
      skippable,
      ...HALVES.flatMap((half) => [zstdCompressSync(half), skippable]),
    ]),
    bzip2: fixture('lines.bz2'),
    'bzip2 of several streams': fixture('lines-two-streams.bz2'),
    'gzip in zstd': zstdCompressSync(gzipSync(TEXT)),
  };
  for (const [name, bytes] of Object.entries(whole))
    for (const size of [1, 1000, 1 << 20])
      it(`${name} is read whole, ${size} bytes at a time`, async () => {
        const { text, content } = await read(bytes, {}, size);
        assert.ok(text.equals(TEXT));
        assert.deepEqual(content.ending, { cut: false });
        assert.ok(content.compressions.length > 0);
      });

  for (const name of ['gzip', 'gzip of several members', 'zstd of several frames', 'bzip2'])
    it(`${name} that is cut gives what is whole`, async () => {
      const bytes = whole[name]!;
      for (const share of [0.1, 0.5, 0.9, 0.999]) {
        const { text, content } = await read(bytes.subarray(0, Math.floor(bytes.length * share)));
        assert.ok(text.length < TEXT.length || name === 'gzip', `${share}: ${text.length}`);
        assert.ok(text.equals(TEXT.subarray(0, text.length)), `${share}`);
        assert.ok(content.ending.cut && /cut/.test(content.ending.whyText), `${share}`);
        assert.equal(content.ending.bytesGiven, text.length);
      }
    });

  it('what follows the data is reported, and what came before it is kept', async () => {
    for (const bytes of [gzipSync(TEXT), zstdCompressSync(TEXT), fixture('lines.bz2')])
      for (const size of [1, 1000, 1 << 20]) {
        const { text, content } = await read(
          Buffer.concat([bytes, Buffer.from('rubbish at the end')]),
          {},
          size,
        );
        assert.ok(text.equals(TEXT));
        assert.ok(content.ending.cut && /followed by|bzip2/.test(content.ending.whyText));
      }
  });

  it('damage in the middle is reported', async () => {
    const bytes = gzipSync(TEXT);
    bytes.fill(0xff, bytes.length / 2, bytes.length / 2 + 40);
    const { text, content } = await read(bytes);
    assert.ok(text.length < TEXT.length);
    assert.ok(content.ending.cut && /damaged/.test(content.ending.whyText));
    const wrongSum = gzipSync(TEXT);
    wrongSum[wrongSum.length - 8]! ^= 1;
    const { content: other } = await read(wrongSum);
    assert.ok(other.ending.cut && /checksum/.test(other.ending.whyText));
  });

  it('the cut and the junked file of the cases give their whole lines', async () => {
    const cut = await read(readFileSync(join(CASES, 'f-cut.ndjson.gz')));
    assert.equal(cut.text.toString().split('\n').length - 1, 87);
    assert.ok(cut.content.ending.cut);
    const junk = await read(readFileSync(join(CASES, 'f-junk.ndjson.gz')));
    assert.equal(junk.text.toString().split('\n').length - 1, 200);
    assert.ok(junk.content.ending.cut);
  });

  it('an error of the source itself is not a cut', async () => {
    async function* failing(): AsyncGenerator<Buffer> {
      yield gzipSync(TEXT).subarray(0, 2000);
      throw new Error('disk');
    }
    await assert.rejects(async () => {
      for await (const _ of (await openContent(failing())).chunks);
    }, /disk/);
  });

  it('the source is closed when reading stops', async () => {
    let isClosed = false;
    async function* source(): AsyncGenerator<Buffer> {
      try {
        yield* chunksOf(gzipSync(TEXT), 1000);
      } finally {
        isClosed = true;
      }
    }
    const refused = await openContent(source());
    await refused.close();
    assert.ok(isClosed);
    isClosed = false;
    for await (const _ of (await openContent(source())).chunks) break;
    assert.ok(isClosed);
  });

  it('a decompression bomb needs no more memory than its pieces', async () => {
    const content = await openContent(chunksOf(gzipSync(Buffer.alloc(64 << 20)), 1 << 20));
    let largest = 0;
    for await (const chunk of content.chunks) largest = Math.max(largest, chunk.length);
    assert.ok(largest <= 1 << 20);
  });
});

describe('Encodings', () => {
  const swapped = (text: string) => Buffer.from(text, 'utf16le').swap16();
  const utf32 = (text: string, isBig: boolean) => {
    const bytes = Buffer.alloc([...text].length * 4);
    for (const [i, character] of [...text].entries())
      bytes[isBig ? 'writeUInt32BE' : 'writeUInt32LE'](character.codePointAt(0)!, i * 4);
    return bytes;
  };
  const encodings: Record<string, (text: string) => Buffer> = {
    'utf-8': (text) => Buffer.from(text),
    'utf-16le': (text) => Buffer.from(text, 'utf16le'),
    'utf-16be': swapped,
    'utf-32le': (text) => utf32(text, false),
    'utf-32be': (text) => utf32(text, true),
  };
  for (const [name, encode] of Object.entries(encodings))
    it(`${name} is found by its mark, wherever it is cut`, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.string({ unit: 'grapheme' }),
          fc.integer({ min: 1, max: 9 }),
          async (text, size) => {
            const { text: found, content } = await read(encode(`\ufeff{${text}`), {}, size);
            assert.equal(found.toString(), `{${text}`);
            assert.equal(content.encoding, name);
          },
        ),
        { numRuns: 50 },
      );
    });

  it('UTF-16 without a mark is found where it is unmistakable', async () => {
    for (const [encoding, bytes] of [
      ['utf-16le', Buffer.from(LINES, 'utf16le')],
      ['utf-16be', swapped(LINES)],
    ] as const) {
      const { text, content } = await read(bytes);
      assert.equal(content.encoding, encoding);
      assert.ok(text.equals(TEXT));
    }
    assert.equal((await read(TEXT)).content.encoding, 'utf-8');
    assert.equal((await read(Buffer.concat([Buffer.alloc(64), TEXT]))).content.encoding, 'utf-8');
  });

  it('a declared one is used, unless a mark says otherwise', async () => {
    const german = Buffer.from('{"a":"M\xfcller \x80"}', 'latin1');
    const { text, content } = await read(german, { encoding: 'latin1' }, 3);
    assert.equal(text.toString(), '{"a":"Müller €"}');
    assert.equal(content.encoding, 'windows-1252');
    const japanese = Buffer.from([0x83, 0x65, 0x83, 0x58, 0x83, 0x67]);
    assert.equal((await read(japanese, { encoding: 'shift_jis' }, 1)).text.toString(), 'テスト');
    const marked = await read(Buffer.from('\ufeffä'), { encoding: 'latin1' });
    assert.equal(marked.text.toString(), 'ä');
    await assert.rejects(openContent(chunksOf(german, 9), { encoding: 'utf-7' }), RangeError);
  });

  it('what cannot be decoded becomes a byte that UTF-8 does not have', async () => {
    const lone = Buffer.concat([
      Buffer.from('\ufeffa', 'utf16le'),
      Buffer.from([0, 0xd8]),
      Buffer.from('b', 'utf16le'),
    ]);
    assert.deepEqual((await read(lone, {}, 1)).text, Buffer.from('a\xffb', 'latin1'));
    assert.deepEqual(
      (await read(Buffer.from([0x41, 0x83]), { encoding: 'shift_jis' })).text,
      Buffer.from('A\xff', 'latin1'),
    );
    const invalid = Buffer.from('{"a":"M\xfcller"}', 'latin1');
    assert.deepEqual((await read(invalid)).text, invalid);
  });
});

describe('The sample', () => {
  it('is the beginning, and is read again afterwards', async () => {
    for (const length of [0, 10, 65_535, 65_536, 65_537, TEXT.length]) {
      const { text, content } = await read(TEXT.subarray(0, length));
      assert.equal(text.length, length);
      assert.equal(content.sample.isWhole, length <= 65_536);
      assert.ok(content.sample.bytes.equals(TEXT.subarray(0, Math.min(length, 65_536))));
    }
  });
});
