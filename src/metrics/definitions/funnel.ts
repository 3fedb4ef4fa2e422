import { FUNNEL_STEPS } from '../../event/fields.ts';
import type { Metric } from '../definition.ts';
import { USER } from '../keys.ts';

export const funnel: Metric = {
  name: 'funnel',
  title: 'Funnel',
  description:
    'Users at each step from the product to the purchase. For an event without a user_id, its visitor_id or session_id is used.',
  input: 'events',
  where: [`event_type IN (${FUNNEL_STEPS.map((step) => `'${step}'`).join(', ')})`],
  keys: [
    {
      name: 'step',
      sql: 'event_type',
      description: 'Step: view_product, add_to_cart, checkout, purchase.',
      few: true,
    },
  ],
  windows: ['1h', '1d'],
  values: {
    users: {
      kind: 'distinct',
      of: `COALESCE(${USER}, session_id)`,
      description: 'Distinct users at the step.',
    },
  },
  derived: {
    conversion: {
      kind: 'step_ratio',
      of: 'users',
      key: 'step',
      order: FUNNEL_STEPS,
      description: 'Users at this step over users at the step before; null at the first.',
    },
  },
  mergeable: false,
};
