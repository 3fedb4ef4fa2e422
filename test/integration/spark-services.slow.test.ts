/** `tillstream services up spark`: a real master and worker, which compute the metrics of an embedded log. The first run fetches 500 MB. */
import { it } from 'node:test';
import { temporaryDir, until } from '../support/product.ts';
import { testSeed } from '../support/seed.ts';
import { startService } from '../support/services.ts';
import { shopLines } from '../support/shop-lines.ts';
import { assertTruth, openSparkRig } from '../support/spark-rig.ts';

const LINES = 500;
const WAIT_MS_MAX = 240_000;

it('services: spark computes metrics, also after its worker was killed', async (t) => {
  const spark = await startService('spark');
  const rig = await openSparkRig({ dir: temporaryDir(), timeZone: 'Europe/Berlin', config: spark.info });
  try {
    const lines = shopLines(2 * LINES, testSeed(t));
    await rig.send(lines.slice(0, LINES));
    await until(rig.isSettled, 'the first lines to be counted', WAIT_MS_MAX);
    await spark.kill('SIGKILL', 'worker');
    await spark.restart();
    await rig.send(lines.slice(LINES));
    await assertTruth(rig, 2 * LINES, WAIT_MS_MAX);
  } finally {
    await rig.close();
  }
});
