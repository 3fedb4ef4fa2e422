import { goldenRuns, ORDERED } from './golden-runs.ts';

goldenRuns({ 'straight through': 1, 'crashed and started again': 1 });
goldenRuns({ 'crashed and started again': 4 }, ORDERED);
