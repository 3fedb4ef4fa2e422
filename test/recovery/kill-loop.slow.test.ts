import { test } from 'node:test';
import { temporaryDir } from '../support/product.ts';
import { python } from '../support/read-archive.ts';
import { testSeed } from '../support/seed.ts';
import { killLoop } from './kill-support.ts';

test('50 times kill -9 of the whole product under load, at chosen and at random moments', async (t) => {
  python();
  const seed = testSeed('kill-loop (slow)');
  t.diagnostic(await killLoop({ seed, kills: 50, dataDir: temporaryDir() }));
});
