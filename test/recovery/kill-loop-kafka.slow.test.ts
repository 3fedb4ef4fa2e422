import { createTopic } from '../support/kafka.ts';
import { temporaryDir } from '../support/product.ts';
import { python } from '../support/read-archive.ts';
import { testSeed } from '../support/seed.ts';
import { startService } from '../support/services.ts';
import { itThorough } from '../support/thorough.ts';
import { killLoop } from './kill-support.ts';

const KILLS = 50;

// Two minutes: each kill needs a start of the product, which comes up again over the log of four partitions.
itThorough(`${KILLS} times kill -9 of the whole product over four partitions of Kafka`, async (t) => {
  python();
  const { brokers } = (await startService('kafka')).info;
  await createTopic(brokers, 'killed', { partitions: 4 });
  const seed = testSeed('kill-loop (kafka)');
  const log = { kind: 'kafka', brokers, topic: 'killed' };
  t.diagnostic(await killLoop({ seed, kills: KILLS, dataDir: temporaryDir(), log }));
});
