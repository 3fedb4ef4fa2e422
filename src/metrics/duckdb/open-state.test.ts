import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CATALOGUE } from '../catalogue.ts';
import type { Metric } from '../definition.ts';
import { stateIdentity } from './open-state.ts';

const identity = ['log-1', 'Europe/Lisbon'];
const of = (change: (metric: Metric) => Metric) => stateIdentity(identity, CATALOGUE.map(change));
const now = stateIdentity(identity, CATALOGUE);

test('a metric with a reworded description keeps its state', () => {
  assert.equal(
    of((metric) => ({ ...metric, title: 'Renamed', description: 'In other words.' })),
    now,
  );
  assert.equal(
    of((metric) => ({ ...metric, keys: metric.keys.map((key) => ({ ...key, description: 'A key.' })) })),
    now,
  );
});

test('a metric with another computation, log or time zone does not', () => {
  assert.notEqual(
    of((metric) => ({ ...metric, where: [...(metric.where ?? []), 'quantity > 3'] })),
    now,
  );
  assert.notEqual(
    of((metric) => ({ ...metric, keys: metric.keys.slice(1) })),
    now,
  );
  assert.notEqual(stateIdentity(['log-2', 'Europe/Lisbon'], CATALOGUE), now);
  assert.notEqual(stateIdentity(['log-1', 'Europe/Berlin'], CATALOGUE), now);
  assert.notEqual(stateIdentity(identity, CATALOGUE.slice(1)), now);
});
