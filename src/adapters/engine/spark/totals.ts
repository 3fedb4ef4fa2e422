import type { Metric } from '../../../metrics/definition.ts';
import { derive } from '../../../metrics/derive.ts';
import type { MetricQuery, MetricResult, MetricRow, MetricsStore } from '../../../ports/metrics-store.ts';

type Totals = NonNullable<MetricResult['total']>;

/**
 * The metrics store over points of Spark. Spark keeps the sketches of distinct counts to itself, so that those of several
 * windows can't be merged: in a total over them such a value is null, as for windows whose sketches are gone.
 */
export function withoutMergedDistincts(inner: MetricsStore, catalogue: readonly Metric[]): MetricsStore {
  const metrics = new Map(catalogue.map((metric) => [metric.name, metric]));
  return {
    get id() {
      return inner.id;
    },
    version: () => inner.version(),
    changes: (...question) => inner.changes(...question),
    async query(query: MetricQuery): Promise<MetricResult> {
      const result = await inner.query(query);
      const metric = metrics.get(query.metric);
      if (!query.total || !metric) return result;
      if (!Object.values(metric.values).some(({ kind }) => kind === 'distinct')) return result;
      if (result.total) correct(metric, result.total, result.rows, query.top === undefined);
      if (result.overall) correct(metric, [result.overall], result.rows, metric.keys.length === 0);
      return result;
    },
  };
}

/** `isSame`: the rows have the keys of the totals, so that those of a single window are its total. */
function correct(metric: Metric, totals: Totals, rows: readonly MetricRow[], isSame: boolean): void {
  const isOneWindow = new Set(rows.map(({ start }) => start)).size === 1;
  const keyOf = (row: Totals[number]) => JSON.stringify(metric.keys.map(({ name }) => row[name]));
  const byKey = new Map(rows.map((row) => [keyOf(row), row]));
  for (const total of totals) {
    for (const [name, { kind }] of Object.entries(metric.values)) {
      if (kind !== 'distinct') continue;
      total[name] = isOneWindow && isSame ? (byKey.get(keyOf(total))?.[name] ?? null) : null;
    }
  }
  derive(metric, totals, () => null);
}
