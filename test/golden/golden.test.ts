import { goldenRuns, ORDERED } from './golden-runs.ts';
import { QUICK_WAYS } from './ways.ts';

goldenRuns(QUICK_WAYS);
goldenRuns(['crashed and started again'], 4, ORDERED);
