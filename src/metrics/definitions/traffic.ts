import type { Metric } from '../definition.ts';
import { DEVICE_TYPE_KEY, EVENT_TYPE_KEY } from '../keys.ts';

export const traffic: Metric = {
  name: 'traffic',
  title: 'Traffic',
  description: 'Events by type and device.',
  input: 'events',
  keys: [EVENT_TYPE_KEY, DEVICE_TYPE_KEY],
  windows: ['1m', '1h', '1d'],
  values: { events: { kind: 'count', description: 'Events.' } },
  mergeable: true,
};
