import { test } from 'node:test';
import { temporaryDir } from '../support/product.ts';
import { python } from '../support/read-archive.ts';
import { testSeed } from '../support/seed.ts';
import { killLoop } from './kill-support.ts';

test('kill -9 of the whole product under load loses nothing and stores nothing twice', async (t) => {
  python();
  const seed = testSeed('kill-loop');
  t.diagnostic(await killLoop({ seed, kills: 5, dataDir: temporaryDir() }));
});
