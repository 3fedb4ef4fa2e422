/** The contract of engines again, with the other number of partitions each time. */
import { ENGINE_NAMES } from '../support/engines.ts';
import { batchEngineContract } from './batch-engine.ts';
import { engineContract } from './engine.ts';
import { harnessRun } from './engine-run.ts';

for (const engine of ENGINE_NAMES) {
  engineContract({
    name: `${engine}, partitions: 1`,
    open: () => harnessRun({ engine, timeZone: 'Europe/Berlin', partitions: 1 }, 400),
  });
  batchEngineContract(engine, 4);
}
