import type { Metric } from '../../src/metrics/definition.ts';
import { UNITS } from '../../src/metrics/keys.ts';

export const articles: Metric = {
  name: 'articles',
  title: 'Articles',
  description: 'Pieces of each article that were sold.',
  input: 'events',
  where: ["event_type = 'purchase'"],
  keys: [{ name: 'article', sql: 'product_id', description: 'The article.' }],
  windows: ['1d'],
  values: { pieces: { kind: 'sum', of: UNITS, type: 'decimal', description: 'Pieces.' } },
  mergeable: true,
};
