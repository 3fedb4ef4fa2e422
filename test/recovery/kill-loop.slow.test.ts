import { test } from 'node:test';
import { temporaryDir } from '../support/product.ts';
import { python } from '../support/read-archive.ts';
import { testSeed } from '../support/seed.ts';
import { isThorough } from '../support/thorough.ts';
import { killLoop } from './kill-support.ts';

/** Each of the chosen moments has its turn, some of them twice. It takes minutes: each kill is followed by a start and by load. */
const KILLS = isThorough ? 50 : 20;

test(`${KILLS} times kill -9 of the whole product under load, at chosen and at random moments`, async (t) => {
  python();
  const seed = testSeed('kill-loop (slow)');
  t.diagnostic(await killLoop({ seed, kills: KILLS, dataDir: temporaryDir() }));
});
