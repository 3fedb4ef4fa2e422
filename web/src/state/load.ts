/** Asks for the numbers of a span, and keeps the totals fresh without wearing the server out. */
import { ApiError, getMetric, type MetricName } from '../api.ts';
import type { Slice, Span } from '../time/span.ts';
import { CHARTED, earlier, METRICS, metrics, takeError, takeRows, takeTotals } from './metrics.ts';
import { mergeSums } from './sums.ts';

/** As many as the server gives at most; all others share one row. */
const TOP_PRODUCTS = 1000;
const OF_PRODUCTS: readonly MetricName[] = ['products', 'sales'];
const hourlyOnly = (metric: MetricName) => metric === 'funnel' || OF_PRODUCTS.includes(metric);

type Fail = (error: unknown) => void;

async function guarded(metric: MetricName, signal: AbortSignal, fail: Fail, work: () => Promise<void>) {
  try {
    await work();
  } catch (error) {
    if (signal.aborted) return;
    // One metric that fails leaves the others standing.
    if (error instanceof ApiError && error.status !== 401) takeError(metric, error);
    fail(error);
  }
}

async function totalsOf(metric: MetricName, span: Span, signal: AbortSignal): Promise<void> {
  const slice = hourlyOnly(metric) ? span.hourly : span.totals;
  const top = OF_PRODUCTS.includes(metric) ? { top: TOP_PRODUCTS } : {};
  const answer = await getMetric(metric, { ...slice, total: true, ...top }, signal);
  if (signal.aborted) return;
  if (CHARTED.includes(metric) && slice.window === span.window) takeRows(answer);
  takeTotals(answer, metrics);
}

async function rowsOf(metric: MetricName, span: Span, signal: AbortSignal): Promise<void> {
  const { window, from, to } = span;
  const answer = await getMetric(metric, { window, from, to }, signal);
  if (!signal.aborted) takeRows(answer);
}

async function totalsOfAll(names: readonly MetricName[], span: Span, signal: AbortSignal, fail: Fail) {
  await Promise.all(names.map((m) => guarded(m, signal, fail, () => totalsOf(m, span, signal))));
}

/** All totals but those of the products, whose list is long. */
export const loadTotals = (span: Span, signal: AbortSignal, fail: Fail): Promise<void> =>
  totalsOfAll(
    METRICS.filter((metric) => !OF_PRODUCTS.includes(metric)),
    span,
    signal,
    fail,
  );

export const loadProducts = (span: Span, signal: AbortSignal, fail: Fail): Promise<void> =>
  totalsOfAll(OF_PRODUCTS, span, signal, fail);

export async function loadSpan(span: Span, signal: AbortSignal, fail: Fail): Promise<void> {
  const apart = span.totals.window === span.window ? [] : CHARTED;
  await Promise.all([
    ...apart.map((m) => guarded(m, signal, fail, () => rowsOf(m, span, signal))),
    loadTotals(span, signal, fail),
  ]);
}

async function sumsBefore(
  metric: 'traffic' | 'revenue',
  slices: Slice[],
  signal: AbortSignal,
): Promise<void> {
  const answers = await Promise.all(
    slices.map((slice) => getMetric(metric, { ...slice, total: true }, signal)),
  );
  if (!signal.aborted) mergeSums(metric, answers);
}

/** The same time before. It is a side note on the tiles, so its failures are silent. */
export async function loadBefore({ before }: Span, signal: AbortSignal): Promise<void> {
  const one = async (metric: MetricName, slice: Slice) => {
    const answer = await getMetric(metric, { ...slice, total: true }, signal);
    if (!signal.aborted) takeTotals(answer, earlier);
  };
  await Promise.allSettled([
    sumsBefore('traffic', before.sums, signal),
    sumsBefore('revenue', before.sums, signal),
    one('audience', before.distinct),
    one('responses', before.ratios),
    one('latency', before.ratios),
    one('funnel', before.ratiosHourly),
  ]);
}
