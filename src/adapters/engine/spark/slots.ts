import type { Aggregate, Metric } from '../../../metrics/definition.ts';

/**
 * All metrics share the columns of one aggregation: the values of a metric take slots, such as `c1` for its first count.
 * A row of the aggregation is an item: a metric's additive and distinct values, or a bucket of its histogram.
 */
export interface Slot {
  column: string;
  /** Name of the value in the catalogue. */
  value: string;
  of: Aggregate;
}

/** How many columns of a kind there are: sums of integers (c), sums of money (m), maxima (x), distinct texts (d). */
export interface SlotCounts {
  c: number;
  m: number;
  x: number;
  d: number;
}

type Kind = keyof SlotCounts;
const KINDS: readonly Kind[] = ['c', 'm', 'x', 'd'];

/** What the ledger needs: counted, duplicate and bad lines; offset and received-at. */
const LEDGER: SlotCounts = { c: 3, m: 0, x: 2, d: 0 };

export function slotsOf(metric: Metric): Slot[] {
  const next: SlotCounts = { c: 0, m: 0, x: 0, d: 0 };
  return Object.entries(metric.values).flatMap(([value, of]) => {
    const kind = kindOf(of);
    return kind === null ? [] : [{ column: `${kind}${++next[kind]}`, value, of }];
  });
}

function kindOf(of: Aggregate): Kind | null {
  switch (of.kind) {
    case 'count':
      return 'c';
    case 'sum':
      return of.type === 'money' ? 'm' : 'c';
    case 'max':
      return 'x';
    case 'distinct':
      return 'd';
    case 'quantile':
      return null;
  }
}

/** What the quantiles of a metric are of; null where it has none. */
export function quantileOf(metric: Metric): string | null {
  const found = Object.values(metric.values).find(({ kind }) => kind === 'quantile');
  return found?.kind === 'quantile' ? found.of : null;
}

export function slotCounts(catalogue: readonly Metric[]): SlotCounts {
  const counts = { ...LEDGER };
  for (const { column } of catalogue.flatMap(slotsOf)) {
    const kind = column[0] as Kind;
    counts[kind] = Math.max(counts[kind], Number(column.slice(1)));
  }
  return counts;
}

/** Names of all columns, those of a kind together. */
export function slotColumns(counts: SlotCounts): string[] {
  return KINDS.flatMap((kind) => Array.from({ length: counts[kind] }, (_, index) => `${kind}${index + 1}`));
}

/** Key columns: as many as any metric has, and one more for the bucket of a histogram. */
export function keyColumns(catalogue: readonly Metric[]): string[] {
  const most = catalogue.map((metric) => metric.keys.length + (quantileOf(metric) === null ? 0 : 1));
  return Array.from({ length: Math.max(2, ...most) }, (_, index) => `k${index + 1}`);
}
