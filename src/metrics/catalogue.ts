import { audience } from './audience.ts';
import type { Metric } from './definition.ts';
import { funnel } from './funnel.ts';
import { latency } from './latency.ts';
import { products } from './products.ts';
import { quality } from './quality.ts';
import { responses } from './responses.ts';
import { revenue } from './revenue.ts';
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
  quality,
];
