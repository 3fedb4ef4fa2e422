import { goldenRuns } from './golden-runs.ts';
import { QUICK_WAYS } from './ways.ts';

goldenRuns(QUICK_WAYS);
goldenRuns(QUICK_WAYS.slice(1), 4);
