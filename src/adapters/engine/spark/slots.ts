import type { Aggregate, Metric } from '../../../metrics/definition.ts';

/**
 * All metrics share the columns of one aggregation: the values of a metric take slots, such as `c1` for its first count. Its
 * quantiles take one together, for their histogram.
 */
export interface Slot {
  column: string;
  /** Name of the value in the catalogue. */
  value: string;
  of: Aggregate;
}

/** How many columns of a kind there are: sums of integers (c), of money (m), maxima (x), distinct texts (d), histograms (h). */
export interface SlotCounts {
  c: number;
  m: number;
  x: number;
  d: number;
  h: number;
}

/** Name of the value that is a histogram. */
export const HISTOGRAM = '~histogram';

type Kind = keyof SlotCounts;
const KINDS: readonly Kind[] = ['c', 'm', 'x', 'd', 'h'];

/** What the ledger needs: counted, duplicate and bad lines; offset and received-at. */
const LEDGER: SlotCounts = { c: 3, m: 0, x: 2, d: 0, h: 0 };

export function slotsOf(metric: Metric): Slot[] {
  const next: SlotCounts = { c: 0, m: 0, x: 0, d: 0, h: 0 };
  return Object.entries(metric.values).flatMap(([name, of]) => {
    const kind = kindOf(of);
    if (kind === 'h' && next.h > 0) return [];
    const value = kind === 'h' ? HISTOGRAM : name;
    return [{ column: `${kind}${++next[kind]}`, value, of }];
  });
}

function kindOf(of: Aggregate): Kind {
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
      return 'h';
  }
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

/** Key columns: as many as any metric has, or the ledger. */
export function keyColumns(catalogue: readonly Metric[]): string[] {
  const most = catalogue.map((metric) => metric.keys.length);
  return Array.from({ length: Math.max(2, ...most) }, (_, index) => `k${index + 1}`);
}
