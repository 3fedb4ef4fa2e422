import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { UsageError } from '../telemetry/errors.ts';
import { checkYaml } from './check-yaml.ts';

test('aliases that expand to a thousand values are reported in words', () => {
  const text = [
    'a: &a [x]',
    'b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]',
    'c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]',
  ];
  assert.throws(
    () => checkYaml(z.unknown(), { file: 'm.yaml', text: text.join('\n'), title: 'The mapping' }),
    (error) => error instanceof UsageError && /^m\.yaml is not valid YAML: .*alias/.test(error.message),
  );
});
