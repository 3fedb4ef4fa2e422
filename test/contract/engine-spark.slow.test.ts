/** What every engine must do, with Spark as what computes: it takes the commits of the archive. */
import { engineContract } from './engine.ts';
import { harnessRun } from './engine-run.ts';

engineContract({
  name: 'spark, partitions: 3',
  open: () => harnessRun({ engine: 'spark', timeZone: 'Europe/Berlin', partitions: 3 }, 2000),
});
