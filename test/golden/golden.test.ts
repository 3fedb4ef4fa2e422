import { goldenRuns } from './golden-runs.ts';
import { QUICK_WAYS } from './ways.ts';

goldenRuns(QUICK_WAYS);
