import type { Metric } from './definition.ts';

export const audience: Metric = {
  name: 'audience',
  title: 'Audience',
  description: 'Distinct users and sessions.',
  input: 'events',
  keys: [],
  windows: ['1m', '1h', '1d'],
  values: {
    users: { kind: 'distinct', of: 'user_id', description: 'Distinct users.' },
    sessions: { kind: 'distinct', of: 'session_id', description: 'Distinct sessions.' },
  },
  mergeable: true,
};
