import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { GOLDEN_SUITES } from '../support/engines.ts';
import { goldenRuns } from './golden-runs.ts';
import { QUICK_WAYS } from './ways.ts';

goldenRuns(QUICK_WAYS);

test('every engine that is a program of its own has its golden suite', () => {
  for (const suite of Object.values(GOLDEN_SUITES))
    assert.match(readFileSync(join(import.meta.dirname, suite), 'utf8'), /describe\(/);
});
