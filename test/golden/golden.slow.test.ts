import { goldenRuns } from './golden-runs.ts';
import { QUICK_WAYS, WAYS } from './ways.ts';

goldenRuns(Object.keys(WAYS).filter((way) => !QUICK_WAYS.includes(way)));
goldenRuns(
  // What partitions change is the order of lines and what a stop leaves behind; the sizes of batches are tried over one.
  [
    'in batches of 7',
    'crashed and started again',
    'state lost and filled from the archive',
    'in another order',
  ],
  4,
);
