import { ENGINE_NAMES } from '../support/engines.ts';
import { batchEngineContract } from './batch-engine.ts';
import { engineContract } from './engine.ts';
import { harnessRun } from './engine-run.ts';

for (const engine of ENGINE_NAMES) {
  engineContract({
    name: `${engine}, partitions: 4`,
    open: () => harnessRun({ engine, timeZone: 'Europe/Berlin', partitions: 4 }, 400),
  });
  batchEngineContract(engine, 1);
}
