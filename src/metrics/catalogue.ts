import { audience } from './audience.ts';
import type { Metric } from './definition.ts';
import { funnel } from './funnel.ts';
import { latency } from './latency.ts';
import { products } from './products.ts';
import { quality } from './quality.ts';
import { responses } from './responses.ts';
import { revenue } from './revenue.ts';
import { sales } from './sales.ts';
import { traffic } from './traffic.ts';

/** Every metric there is. Engines, API, OpenAPI, docs and dashboards are derived from this list. */
export const CATALOGUE: readonly Metric[] = [
  traffic,
  responses,
  latency,
  audience,
  funnel,
  revenue,
  products,
  sales,
  quality,
];

/** What users see of each metric. */
export const METRIC_LIST = CATALOGUE.map(({ name, title, keys, values, derived, windows }) => ({
  name,
  title,
  keys: keys.map((key) => key.name),
  values: [...Object.keys(values), ...Object.keys(derived ?? {})],
  windows,
}));
