import { temporaryDir } from '../support/product.ts';
import { python } from '../support/read-archive.ts';
import { testSeed } from '../support/seed.ts';
import { sparkPython } from '../support/spark.ts';
import { itThorough } from '../support/thorough.ts';
import { killLoop } from './kill-support.ts';

const KILLS = 50;
/** Spark needs some seconds to start, and then computes about once a second: kills come before it, within it and between. */
const ALIVE_MS_MAX = 18_000;

// A quarter of an hour: Spark starts again after each kill.
itThorough(`${KILLS} times kill -9 of the whole product while Spark computes the metrics`, async (t) => {
  python();
  const engine = { kind: 'spark', master: 'local[2]', python: await sparkPython() };
  const seed = testSeed('kill-loop (spark)');
  const dataDir = temporaryDir();
  t.diagnostic(
    await killLoop({
      seed,
      kills: KILLS,
      dataDir,
      engine,
      aliveMsMax: ALIVE_MS_MAX,
      sendEveryMs: 200,
      readyMsMax: 240_000,
    }),
  );
});
