/** Rows into series: one value per window and name. */
import type { WindowSize } from '../api.ts';

export interface Pivot {
  names: string[];
  /** values[name][window index]; null where there was no row. */
  values: Map<string, (number | null)[]>;
}

/** Adds up what falls into the same window and name (the other keys of the metric). */
export function pivotSum<R extends { start: string }>(
  rows: readonly R[],
  starts: readonly number[],
  nameOf: (row: R) => string,
  amountOf: (row: R) => number,
  missing: number | null,
): Pivot {
  const index = new Map(starts.map((start, at) => [start, at]));
  const values = new Map<string, (number | null)[]>();
  for (const row of rows) {
    const at = index.get(Date.parse(row.start));
    if (at === undefined) continue;
    const name = nameOf(row);
    let list = values.get(name);
    if (!list) {
      list = starts.map(() => missing);
      values.set(name, list);
    }
    list[at] = (list[at] ?? 0) + amountOf(row);
  }
  return { names: [...values.keys()], values };
}

const ORDER = [
  'view_list',
  'search',
  'view_product',
  'add_to_cart',
  'view_cart',
  'checkout',
  'purchase',
  'refund',
];
const DEVICE_ORDER = ['mobile', 'desktop', 'tablet'];

/** Known names in their natural order, then the others by size. */
export function ordered(names: readonly string[], size: (name: string) => number): string[] {
  const place = (name: string) => {
    const at = [...ORDER, ...DEVICE_ORDER].indexOf(name);
    return at < 0 ? 100 : at;
  };
  return [...names].sort((a, b) => place(a) - place(b) || size(b) - size(a));
}

/** Event types are free text: beyond `most`, the smallest become "other". */
export function keepLargest(sizes: ReadonlyMap<string, number>, most: number): (name: string) => string {
  const kept = new Set(
    [...sizes]
      .sort((a, b) => b[1] - a[1])
      .slice(0, most)
      .map(([name]) => name),
  );
  return (name) => (kept.has(name) ? name : 'other');
}

export const perWindow: Record<WindowSize, string> = { '1m': 'minute', '1h': 'hour', '1d': 'day' };
