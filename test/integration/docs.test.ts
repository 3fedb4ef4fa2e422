import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

test('the generated pages of docs/ are up to date', async () => {
  const script = join(import.meta.dirname, '../../scripts/generate-docs.ts');
  const { stderr } = await promisify(execFile)(process.execPath, [script, '--check']).catch((error) => error);
  assert.equal(stderr, '');
});
