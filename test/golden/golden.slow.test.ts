import { isThorough } from '../support/thorough.ts';
import { GOLDEN, goldenRuns, ORDERED } from './golden-runs.ts';

goldenRuns({
  // What partitions change is the order of lines and what a stop leaves behind.
  'in batches of 7': 'in turn',
  'state lost and filled from the archive': 'in turn',
  'in another order': 'in turn',
  'from the archive': 'in turn',
  'as the lines come': 1,
  'stopped and started again': 1,
});
goldenRuns(
  { 'crashed and started again': 4 },
  Object.keys(GOLDEN).filter((name) => !ORDERED.includes(name)),
);
// Batches of one delivery each are also what those are that are measured as they come.
if (isThorough) goldenRuns({ 'in batches of 1': 1 });
