/** Files as blocks of whole lines: every byte once, whatever the lengths of the lines. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { BlockMemory, readBlocks } from '../../src/cli/read-blocks.ts';
import { temporaryDir } from '../support/product.ts';

const MIB = 1024 * 1024;
const dir = temporaryDir();

/** All blocks, each given back once it was copied, as `load` does it. */
async function blocksOf(file: string): Promise<Buffer[]> {
  const memory = new BlockMemory();
  const blocks: Buffer[] = [];
  for await (const block of readBlocks(file, memory)) {
    blocks.push(Buffer.from(block));
    block.fill(0);
    memory.giveBack(block);
  }
  return blocks;
}

const line = (bytes: number, n: number) => `{"n":${n},"note":"${'x'.repeat(Math.max(0, bytes - 20))}"}\n`;
const LENGTHS: Record<string, number[]> = {
  'short lines': Array.from({ length: 20_000 }, (_, n) => 100 + (n % 500)),
  'lines around the size of a block': [2 * MIB - 1, 2 * MIB, 2 * MIB + 1, MIB, MIB, 100],
  'a very long line, and then the larger part of another': [50, 4.2 * MIB, 3.9 * MIB, 50, 3 * MIB, 50],
  'long lines only': [3.9 * MIB, 3.9 * MIB, 3.9 * MIB, 3.9 * MIB],
};

for (const [name, lengths] of Object.entries(LENGTHS)) {
  test(`${name}: plain, gzip and zstd`, async () => {
    const content = Buffer.from(lengths.map((bytes, n) => line(Math.floor(bytes), n)).join(''));
    const file = join(dir, 'lines.ndjson');
    writeFileSync(file, content);
    writeFileSync(`${file}.gz`, gzipSync(content, { level: 1 }));
    writeFileSync(`${file}.zst`, zstdCompressSync(content));
    for (const path of [file, `${file}.gz`, `${file}.zst`]) {
      const blocks = await blocksOf(path);
      assert.ok(Buffer.concat(blocks).equals(content), `${path} differs`);
      for (const block of blocks) assert.equal(block.at(-1), 0x0a, 'a block ends with its last line');
    }
  });
}

test('a file without an end of line keeps its last line, and a long array becomes lines', async () => {
  const file = join(dir, 'end.ndjson');
  writeFileSync(file, `${line(100, 1)}{"n":2}`);
  assert.equal(Buffer.concat(await blocksOf(file)).toString(), `${line(100, 1)}{"n":2}`);
  const array = Array.from({ length: 30_000 }, (_, n) => ({ n, note: 'y'.repeat(200) }));
  writeFileSync(file, JSON.stringify(array));
  const lines = Buffer.concat(await blocksOf(file))
    .toString()
    .trim()
    .split('\n');
  assert.deepEqual(
    lines.map((text) => JSON.parse(text) as object),
    array,
  );
});
