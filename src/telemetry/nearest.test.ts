import assert from 'node:assert/strict';
import { test } from 'node:test';
import { didYouMean, nearest } from './nearest.ts';

test('a mistyped name finds the intended one, and nothing very different', () => {
  const known = ['revenue', 'responses', 'traffic', 'time_zone', 'log'];
  const cases: [string, string | null][] = [
    ['revenu', 'revenue'],
    ['Revenue', 'revenue'],
    ['revenues', 'revenue'],
    ['trafic', 'traffic'],
    ['timezone', 'time_zone'],
    ['timeZone', 'time_zone'],
    ['logg', 'log'],
    ['x', null],
    ['weather', null],
    ['', null],
  ];
  for (const [name, expected] of cases) assert.equal(nearest(name, known), expected, name);
  assert.equal(didYouMean('revenu', known), ' Did you mean revenue?');
  assert.equal(didYouMean('weather', known), '');
});
