/**
 * Loaded into the product (--import) by test/support/small-disk.ts where no file system may be mounted. The size limit of files, which
 * that sets from outside, makes every write fail, also those of native code. Here Node's file functions give the limit the name
 * of a full disk, and free space is what the file TILLSTREAM_TEST_FREE_SPACE holds.
 */

/**
 * Loaded into the product (--import) by test/support/small-disk.ts where no file system may be mounted. The size limit of files, which
 * that sets from outside, makes every write fail, also those of native code. Here Node's file functions give the limit the name
 * of a full disk, and free space is what the file TILLSTREAM_TEST_FREE_SPACE holds.
 */
import fs, { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

type Anything = (...args: unknown[]) => unknown;

const ENOSPC_NUMBER = -28;
const freeFile = process.env.TILLSTREAM_TEST_FREE_SPACE!;

function renamed(error: unknown): unknown {
  if (error instanceof Error && (error as NodeJS.ErrnoException).code === 'EFBIG') {
    const message = error.message.replace('EFBIG: file too large', 'ENOSPC: no space left on device');
    return Object.assign(error, { code: 'ENOSPC', errno: ENOSPC_NUMBER, message });
  }
  return error;
}

/** The stated free space, as the answer of statfs. */
function withFree(answer: unknown): unknown {
  const stats = answer as { bsize?: number; bavail?: number; bfree?: number } | null;
  if (stats === null || typeof stats !== 'object' || typeof stats.bsize !== 'number') return answer;
  const text = readFileSync(freeFile, 'utf8').trim();
  if (text === '') return answer;
  const blocks = Math.floor(Number(text) / stats.bsize);
  return Object.assign(stats, { bavail: blocks, bfree: blocks });
}

function wrap(holder: object, name: string): void {
  const functions = holder as Record<string, Anything>;
  const original = functions[name]!;
  const change = name.startsWith('statfs') ? withFree : (answer: unknown) => answer;
  functions[name] = function (this: unknown, ...args: unknown[]) {
    const callback = args.at(-1);
    if (typeof callback === 'function')
      args[args.length - 1] = (error: unknown, ...answers: unknown[]) =>
        callback(renamed(error), ...answers.map(change));
    try {
      const answer = original.apply(this, args);
      if (!(answer instanceof Promise)) return change(answer);
      return answer.then(change, (error) => {
        throw renamed(error);
      });
    } catch (error) {
      throw renamed(error);
    }
  };
}

const WRITES =
  /^(write|append|copyFile|mkdir|open|rename|link|symlink|f?datasync|f?sync|f?truncate|ftruncate|statfs|mkdtemp|cp$|cpSync)/;
for (const holder of [fs, fs.promises])
  for (const [name, value] of Object.entries(holder))
    if (typeof value === 'function' && WRITES.test(name)) wrap(holder, name);

const dir = mkdtempSync(join(tmpdir(), 'tillstream-test-'));
const handle = await fs.promises.open(join(dir, 'file'), 'w');
const prototype = Object.getPrototypeOf(handle) as object;
for (const name of ['write', 'writev', 'writeFile', 'appendFile', 'sync', 'datasync', 'truncate'])
  wrap(prototype, name);
await handle.close();
rmSync(dir, { recursive: true });
syncBuiltinESMExports();
