import type { Metric } from '../definition.ts';
import { USER } from '../keys.ts';

export const audience: Metric = {
  name: 'audience',
  title: 'Audience',
  description: 'Distinct users and sessions.',
  input: 'events',
  keys: [],
  windows: ['1m', '1h', '1d'],
  values: {
    users: {
      kind: 'distinct',
      of: USER,
      description: 'Distinct users. For an event without a user_id, its visitor_id is used.',
    },
    sessions: { kind: 'distinct', of: 'session_id', description: 'Distinct sessions.' },
  },
  mergeable: true,
};
