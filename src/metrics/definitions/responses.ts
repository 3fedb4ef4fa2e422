import type { Metric } from '../definition.ts';
import { EVENT_TYPE_KEY } from '../keys.ts';

export const responses: Metric = {
  name: 'responses',
  title: 'Responses',
  description: 'Responses of the shop by event type and class of the HTTP status.',
  input: 'events',
  keys: [
    EVENT_TYPE_KEY,
    {
      name: 'status_class',
      sql:
        "CASE WHEN status_code < 200 THEN '1xx' WHEN status_code < 300 THEN '2xx' WHEN status_code < 400 THEN '3xx' " +
        "WHEN status_code < 500 THEN '4xx' WHEN status_code >= 500 THEN '5xx' END",
      description: 'Class of the status code: 2xx, 4xx, 5xx ...',
      few: true,
    },
  ],
  windows: ['1m', '1h', '1d'],
  values: {
    events: { kind: 'count', description: 'Events.' },
    with_status: {
      kind: 'count',
      where: 'status_code IS NOT NULL',
      description: 'Events with a status code.',
    },
    errors: {
      kind: 'count',
      where: 'status_code >= 400',
      description: 'Events with a status of 400 or more.',
    },
  },
  derived: {
    error_share: {
      kind: 'share',
      of: 'errors',
      to: 'with_status',
      within: ['event_type'],
      description: 'Share of 4xx and 5xx among the events of this type that have a status, 0 to 1.',
    },
  },
  mergeable: true,
};
