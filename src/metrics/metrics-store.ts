import type { WindowSize } from './window.ts';

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
  /**
   * Keep the best N of the metric's last key by revenue, events or users; the rest is the key 'other'. Where values of different
   * keys can't be merged, such as money of two currencies, they are the best N within the keys before it.
   */
  top?: number;
  /** Give at most one row more than this: who asked refuses such an answer. */
  rowsMax?: number;
}

export interface MetricResult {
  /** Version of the store at which this was read. */
  version: number;
  rows: MetricRow[];
  /**
   * Per keys over the whole range, without `start`; a value is null where its windows can't be merged any more, and money where
   * 'other' is of several currencies.
   */
  total?: Record<string, string | number | null>[];
  /** Over all keys too; null for a metric whose keys can't be merged. */
  overall?: Record<string, string | number | null> | null;
  /** Keys that have more values than an answer names (`max` of the key): how many are only in the sums of 'other'. */
  folded?: Record<string, number>;
}

export interface ChangedPoint {
  metric: string;
  window: WindowSize;
  row: MetricRow;
}

/** How far a walk through the changes has come: it goes on behind this window. */
export interface ChangesCursor {
  /** Version of the store when the walk began. */
  version: number;
  metric: string;
  window: WindowSize;
  /** Start of the window, minutes since 1970. */
  startMinutes: number;
}

export interface ChangesPage {
  /** About how many points to give at most; a window is never cut. */
  pointsMax: number;
  /** `next` of the page before; null for the first. */
  after: ChangesCursor | null;
  /** With the bounds of keys that a query has: of a window's values beyond `max` of its key, one row 'other'. */
  named?: boolean;
}

export interface Changes {
  /** The version to ask from next time, when the last page of the walk has been taken. */
  version: number;
  points: ChangedPoint[];
  /** Where the next page begins; null when this was the last. */
  next: ChangesCursor | null;
}

/**
 * What has changed, for those who follow.
 *
 * `changes` gives all rows of every window that changed after `version`, and the version to ask from next time; a
 * follower that missed any number of calls catches up with one, and one that starts at 0 gets everything. With `page` it
 * gives them piece by piece, in an order of windows that is the same however the versions lie. A window that changes during
 * such a walk has a version above that of the walk, so that the next walk gives it.
 *
 * `id` is new whenever the store was made again: versions of different ids can't be compared.
 */
export interface ChangeFeed {
  readonly id: string;
  changes(
    version: number,
    metrics: readonly string[],
    windows: readonly WindowSize[],
    page?: ChangesPage,
  ): Promise<Changes>;
  version(): number;
}

/** Where points live: the full value of each window, so that writing one again changes nothing. */
export interface MetricsStore extends ChangeFeed {
  query(query: MetricQuery): Promise<MetricResult>;
}
