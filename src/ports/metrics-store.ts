import type { WindowSize } from '../domain/window.ts';

/** A row of a metric: `start` (ISO 8601), its keys, its values. Money is a decimal string; null means no value. */
export type MetricRow = { start: string } & Record<string, string | number | null>;

export interface MetricQuery {
  metric: string;
  window: WindowSize;
  /** Windows that start in [fromMs, toMs). */
  fromMs: number;
  toMs: number;
  /** Also merge all windows of the range. */
  total?: boolean;
  /** Keep the best N of the metric's last key by revenue, events or users; the rest is the key 'other'. */
  top?: number;
}

export interface MetricResult {
  /** Version of the store at which this was read. */
  version: number;
  rows: MetricRow[];
  /** Per keys over the whole range, without `start`; a value is null where its windows can't be merged any more. */
  total?: Record<string, string | number | null>[];
  /** Over all keys too; null for a metric whose keys can't be merged. */
  overall?: Record<string, string | number | null> | null;
}

export interface ChangedPoint {
  metric: string;
  window: WindowSize;
  row: MetricRow;
}

/**
 * Where points live: the full value of each window, so that writing one again changes nothing.
 *
 * `changes` gives all rows of every window that changed after `version`, and the version to ask from next time; a
 * follower that missed any number of calls catches up with one, and one that starts at 0 gets everything.
 */
export interface MetricsStore {
  query(query: MetricQuery): Promise<MetricResult>;
  changes(
    version: number,
    metrics: readonly string[],
    windows: readonly WindowSize[],
  ): Promise<{
    version: number;
    points: ChangedPoint[];
  }>;
  version(): number;
}
