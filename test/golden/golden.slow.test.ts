import { goldenRuns } from './golden-runs.ts';
import { QUICK_WAYS, WAYS } from './ways.ts';

goldenRuns(Object.keys(WAYS).filter((way) => !QUICK_WAYS.includes(way)));
