import { isThorough } from '../support/thorough.ts';
import { GOLDEN, goldenRuns, ORDERED } from './golden-runs.ts';

/** Inputs whose rows depend on more than each line by itself. The others differ in times and values, which every way reads in the same way. */
const names = isThorough ? Object.keys(GOLDEN) : [...ORDERED, 'orders'];

goldenRuns({
  // What partitions change is the order of lines and what a stop leaves behind.
  'state lost and filled from the archive': 'in turn',
  'from the archive': 'in turn',
});
goldenRuns(
  {
    'in batches of 7': 'in turn',
    'in another order': 'in turn',
    'as the lines come': 1,
    'stopped and started again': 1,
  },
  names,
);
// golden.test.ts has those of ORDERED.
goldenRuns(
  { 'crashed and started again': 4 },
  names.filter((name) => !ORDERED.includes(name)),
);
// Batches of one delivery each are also what those are that are measured as they come.
if (isThorough) goldenRuns({ 'in batches of 1': 1 });
