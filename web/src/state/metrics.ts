/** The numbers on the page: per metric the rows of the windows, and the totals of the range. */
import { type Signal, signal } from '@preact/signals';
import {
  type ApiError,
  METRIC_KEYS,
  type MetricAnswer,
  type MetricName,
  type Overall,
  type Point,
  type Row,
  type Values,
} from '../api.ts';

export interface Metric<M extends MetricName> {
  /** Rows of the windows in view. Only the metrics of CHARTED have them. */
  rows: readonly Row<M>[] | null;
  total: readonly Values[M][] | null;
  overall: Overall<M> | null;
  error: ApiError | null;
}

const blank = { rows: null, total: null, overall: null, error: null };
type Store = { [M in MetricName]: Signal<Metric<M>> };

export const METRICS = Object.keys(METRIC_KEYS) as MetricName[];
/** Drawn over time, so that their rows are needed and not the totals alone. */
export const CHARTED: readonly MetricName[] = ['traffic', 'responses', 'latency', 'revenue'];

export const metrics = Object.fromEntries(
  METRICS.map((metric) => [metric, signal(blank)]),
) as unknown as Store;
/** The totals of the same time before. */
export const earlier = Object.fromEntries(
  METRICS.map((metric) => [metric, signal(blank)]),
) as unknown as Store;

interface Entry {
  row: Row<MetricName>;
  version: number;
}

const entries = new Map<MetricName, Map<string, Entry>>();
const changed = new Set<MetricName>();

function identity(metric: MetricName, row: Row<MetricName>): string {
  const keys: readonly string[] = METRIC_KEYS[metric];
  // Two stores may spell the same instant differently, with and without milliseconds.
  return [Date.parse(row.start), ...keys.map((key) => (row as unknown as Record<string, string>)[key])].join(
    '\n',
  );
}

const signalOf = (metric: MetricName) => metrics[metric] as Signal<Metric<MetricName>>;

export function clearRows(): void {
  entries.clear();
  changed.clear();
}

export function takeRows<M extends MetricName>(answer: MetricAnswer<M>): void {
  const known = entries.get(answer.metric);
  const next = new Map<string, Entry>();
  for (const row of answer.rows as readonly unknown[] as Row<MetricName>[]) {
    next.set(identity(answer.metric, row), { row, version: answer.version });
  }
  // The stream may have overtaken this answer: what it brought later stays.
  const [from, to] = [Date.parse(answer.from), Date.parse(answer.to)];
  for (const [key, entry] of known ?? []) {
    const at = Date.parse(entry.row.start);
    if (entry.version > answer.version && at >= from && at < to) next.set(key, entry);
  }
  entries.set(answer.metric, next);
  changed.add(answer.metric);
  publish();
}

export function takeTotals<M extends MetricName>(answer: MetricAnswer<M>, into: Store): void {
  const target = into[answer.metric] as unknown as Signal<Metric<MetricName>>;
  const total = (answer.total ?? null) as Metric<MetricName>['total'];
  target.value = { ...target.value, total, overall: answer.overall ?? null, error: null };
}

export function takeError(metric: MetricName, error: ApiError): void {
  signalOf(metric).value = { ...signalOf(metric).value, error };
}

/** Replaces the rows that changed. The page is told by publish(), not point by point. */
export function takePoints(points: readonly Point[], version: number, from: number, to: number): void {
  for (const { metric, window: _, ...row } of points) {
    const at = Date.parse(row.start);
    if (at < from || at >= to) continue;
    // Even before the first answer: it may have been made before this point was.
    const known = entries.get(metric) ?? new Map<string, Entry>();
    entries.set(metric, known);
    known.set(identity(metric, row as Row<MetricName>), { row: row as Row<MetricName>, version });
    changed.add(metric);
  }
}

export function publish(): void {
  for (const metric of changed) {
    const rows = [...(entries.get(metric)?.values() ?? [])].map((entry) => entry.row);
    signalOf(metric).value = { ...signalOf(metric).value, rows };
  }
  changed.clear();
}
