import { formatMoney, parseMoneySum } from '../event/values.ts';
import type { Metric } from './definition.ts';

type Value = string | number | null;
type Row = Record<string, Value>;

/**
 * Adds the derived values of a metric to rows that hold its values, in place. `rows` must have all rows of each
 * group: `groupOf` names the group of a row (its window, or one group for totals).
 */
export function derive(metric: Metric, rows: Row[], groupOf: (row: Row) => Value): void {
  for (const [name, derived] of Object.entries(metric.derived ?? {})) {
    if (derived.kind === 'ratio') {
      for (const row of rows) row[name] = ratio(row[derived.of] ?? null, row[derived.to] ?? null);
      continue;
    }
    if (derived.kind === 'difference') {
      for (const row of rows) row[name] = difference(row[derived.of] ?? null, row[derived.minus] ?? null);
      continue;
    }
    if (derived.kind === 'share') {
      const id = (row: Row) =>
        JSON.stringify([groupOf(row), ...derived.within.map((key) => row[key] ?? null)]);
      const sums = new Map<string, { of: number; to: number }>();
      for (const row of rows) {
        const sum = sums.get(id(row)) ?? { of: 0, to: 0 };
        sum.of += Number(row[derived.of] ?? 0);
        sum.to += Number(row[derived.to] ?? 0);
        sums.set(id(row), sum);
      }
      for (const row of rows) {
        const sum = sums.get(id(row))!;
        row[name] = sum.to === 0 ? null : sum.of / sum.to;
      }
      continue;
    }
    const byStep = new Map<string, Value>();
    for (const row of rows)
      byStep.set(JSON.stringify([groupOf(row), row[derived.key] ?? null]), row[derived.of] ?? null);
    for (const row of rows) {
      const before = derived.order[derived.order.indexOf(String(row[derived.key])) - 1];
      const value = before === undefined ? null : byStep.get(JSON.stringify([groupOf(row), before]));
      row[name] = value === null || value === undefined ? null : ratio(row[derived.of] ?? null, value);
    }
  }
}

/** Money less money; null where either is missing. */
function difference(of: Value, minus: Value): Value {
  const [from, less] = [parseMoneySum(String(of)), parseMoneySum(String(minus))];
  return from === null || less === null ? null : formatMoney(from - less);
}

/** Number over number, or money (a decimal string) over number, which gives money. */
function ratio(of: Value, to: Value): Value {
  if (of === null || to === null || Number(to) === 0) return null;
  if (typeof of === 'number') return of / Number(to);
  const units = parseMoneySum(of);
  if (units === null) return null;
  const divisor = BigInt(to);
  const [doubled, sign] = units < 0n ? [-units * 2n, -1n] : [units * 2n, 1n];
  return formatMoney((sign * (doubled + divisor)) / (divisor * 2n));
}
