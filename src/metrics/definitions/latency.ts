import type { Metric } from '../definition.ts';
import { EVENT_TYPE_KEY } from '../keys.ts';

const OF = 'response_time';

export const latency: Metric = {
  name: 'latency',
  title: 'Latency',
  description: 'Response times of the shop by event type, in milliseconds.',
  input: 'events',
  where: ['response_time IS NOT NULL'],
  keys: [EVENT_TYPE_KEY],
  windows: ['1m', '1h', '1d'],
  values: {
    count: { kind: 'count', description: 'Events with a response time.' },
    p50: { kind: 'quantile', of: OF, q: 0.5, description: 'Median (ms).' },
    p95: { kind: 'quantile', of: OF, q: 0.95, description: '95th percentile (ms).' },
    p99: { kind: 'quantile', of: OF, q: 0.99, description: '99th percentile (ms).' },
    max: { kind: 'max', of: OF, description: 'Slowest response (ms), exact.' },
  },
  mergeable: true,
};
