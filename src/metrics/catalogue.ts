import type { Metric } from './definition.ts';
import { audience } from './definitions/audience.ts';
import { funnel } from './definitions/funnel.ts';
import { latency } from './definitions/latency.ts';
import { products } from './definitions/products.ts';
import { quality } from './definitions/quality.ts';
import { responses } from './definitions/responses.ts';
import { revenue } from './definitions/revenue.ts';
import { sales } from './definitions/sales.ts';
import { traffic } from './definitions/traffic.ts';

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
export const metricList = (metrics: readonly Metric[]) =>
  metrics.map(({ name, title, keys, values, derived, windows }) => ({
    name,
    title,
    keys: keys.map((key) => key.name),
    values: [...Object.keys(values), ...Object.keys(derived ?? {})],
    windows,
  }));
