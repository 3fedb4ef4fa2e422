import { isThorough } from '../support/thorough.ts';
import { GOLDEN, goldenRuns, ORDERED } from './golden-runs.ts';
import { QUICK_WAYS, WAYS } from './ways.ts';

/** Of so few lines the one is "straight through", and what the other does is done by those that stop or crash, too. */
const NOTHING_NEW = ['in batches of 1000', 'in random steps'];
/** Batches of one delivery each are also what those are that are measured as they come. */
const IN_ALL = ['in batches of 1'];

goldenRuns(
  Object.keys(WAYS).filter(
    (way) => ![...QUICK_WAYS, ...NOTHING_NEW, ...(isThorough ? [] : IN_ALL)].includes(way),
  ),
);
goldenRuns(
  // What partitions change is the order of lines and what a stop leaves behind; the sizes of batches are tried over one.
  ['from the archive', 'in batches of 7', 'state lost and filled from the archive', 'in another order'],
  4,
);
goldenRuns(
  ['crashed and started again'],
  4,
  Object.keys(GOLDEN).filter((name) => !ORDERED.includes(name)),
);
