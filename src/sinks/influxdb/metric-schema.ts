import type { Aggregate, Metric } from '../../metrics/definition.ts';
import type { MetricSchema } from './layout.ts';

/** What the layout needs to know of a metric. */
export function metricSchemaOf({ name, keys, values, derived }: Metric): MetricSchema {
  return {
    name,
    keys: keys.map((key) => key.name),
    values: [
      ...Object.entries(values).map(([value, of]) => ({ name: value, ...fieldOf(of) })),
      ...Object.keys(derived ?? {}).map((value) => ({ name: value, type: 'float' as const, merge: null })),
    ],
  };
}

function fieldOf(aggregate: Aggregate): Pick<MetricSchema['values'][number], 'type' | 'merge'> {
  switch (aggregate.kind) {
    case 'count':
      return { type: 'integer', merge: 'sum' };
    case 'sum':
      if (aggregate.type === 'decimal') return { type: 'decimal', merge: 'sum' };
      return { type: aggregate.type === 'integer' ? 'integer' : 'float', merge: 'sum' };
    case 'max':
      return { type: 'float', merge: 'max' };
    case 'quantile':
      return { type: 'float', merge: null };
    case 'distinct':
      return { type: 'integer', merge: null };
  }
}
