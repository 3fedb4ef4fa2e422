import type { Metric } from '../definition.ts';
import { DEVICE_TYPE, EVENT_TYPE } from '../keys.ts';

export const traffic: Metric = {
  name: 'traffic',
  title: 'Traffic',
  description: 'Events by type and device.',
  input: 'events',
  keys: [EVENT_TYPE, DEVICE_TYPE],
  windows: ['1m', '1h', '1d'],
  values: { events: { kind: 'count', description: 'Events.' } },
  mergeable: true,
};
