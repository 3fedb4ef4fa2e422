/**
 * What every engine must do, with Spark as what computes: it takes the commits of the archive. And the golden inputs: in the same file, as
 * a Spark that has just started takes ten times as long for what it computes.
 */
import { goldenInputsOnSpark } from '../golden/golden-spark.ts';
import { engineContract } from './engine.ts';
import { harnessRun } from './engine-run.ts';

engineContract({
  name: 'spark, partitions: 3',
  open: () => harnessRun({ engine: 'spark', timeZone: 'Europe/Berlin', partitions: 3 }, 2000),
});
goldenInputsOnSpark();
