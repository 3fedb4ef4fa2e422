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
  /** Keys with more values than the server names, and how many share the value 'other'. */
  folded: Record<string, number>;
  error: ApiError | null;
}

const blank = { rows: null, total: null, overall: null, folded: {}, error: null };
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
  // The stream may have overtaken this answer: the windows that it brought later stay, each as a whole.
  const [from, to] = [Date.parse(answer.from), Date.parse(answer.to)];
  const later = new Set<number>();
  for (const [key, entry] of known ?? []) {
    const at = Date.parse(entry.row.start);
    if (entry.version <= answer.version || at < from || at >= to) continue;
    next.set(key, entry);
    later.add(at);
  }
  for (const row of answer.rows as readonly unknown[] as Row<MetricName>[]) {
    if (!later.has(Date.parse(row.start)))
      next.set(identity(answer.metric, row), { row, version: answer.version });
  }
  entries.set(answer.metric, next);
  changed.add(answer.metric);
  publish();
}

export function takeTotals<M extends MetricName>(answer: MetricAnswer<M>, into: Store): void {
  const target = into[answer.metric] as unknown as Signal<Metric<MetricName>>;
  const total = (answer.total ?? null) as Metric<MetricName>['total'];
  target.value = {
    ...target.value,
    total,
    overall: answer.overall ?? null,
    folded: answer.folded ?? {},
    error: null,
  };
}

export function takeError(metric: MetricName, error: ApiError): void {
  signalOf(metric).value = { ...signalOf(metric).value, error };
}

/**
 * Replaces the windows that changed: the stream brings all rows of each, and a row that it does not bring is gone, as one that is
 * no longer named. The page is told by publish(), not point by point.
 */
export function takePoints(points: readonly Point[], version: number, from: number, to: number): void {
  for (const [metric, changes] of Map.groupBy(points, (point) => point.metric)) {
    // Even before the first answer: it may have been made before these points were.
    const known = entries.get(metric) ?? new Map<string, Entry>();
    entries.set(metric, known);
    const starts = new Set(changes.map((point) => Date.parse(point.start)));
    for (const [key, entry] of known) if (starts.has(Date.parse(entry.row.start))) known.delete(key);
    for (const { metric: _metric, window: _window, ...row } of changes) {
      const at = Date.parse(row.start);
      if (at >= from && at < to)
        known.set(identity(metric, row as Row<MetricName>), { row: row as Row<MetricName>, version });
    }
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
