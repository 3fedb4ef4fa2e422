import { ENGINE_NAMES } from '../support/engines.ts';
import { batchEngineContract } from './batch-engine.ts';
import { engineContract } from './engine.ts';
import { harnessRun } from './engine-run.ts';

for (const engine of ENGINE_NAMES) {
  for (const partitions of [1, 4]) {
    engineContract({
      name: `${engine}, partitions: ${partitions}`,
      open: () => harnessRun({ engine, timeZone: 'Europe/Berlin', partitions }, 400),
    });
    batchEngineContract(engine, partitions);
  }
}
