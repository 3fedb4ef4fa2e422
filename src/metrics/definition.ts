import type { WindowSize } from './window.ts';

/**
 * A metric knows no engine. Its expressions are SQL that all engines read alike (ANSI: CASE, COALESCE,
 * comparison, arithmetic), over the columns of its input; engines render the rest.
 */
export interface Metric {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /**
   * events: good events that count, by event time. lines: the same, and of one with `items` a row for each of its lines (see
   * `linesInput`). quality: see QUALITY_INPUT, by received-at.
   */
  readonly input: 'events' | 'lines' | 'quality';
  /** Only rows for which all of these are true count. */
  readonly where?: readonly string[];
  readonly keys: readonly Key[];
  readonly windows: readonly WindowSize[];
  /** What is kept per window and keys, in mergeable form. */
  readonly values: Readonly<Record<string, Aggregate>>;
  /** What is computed from the values when rows are read. */
  readonly derived?: Readonly<Record<string, Derived>>;
  /** Values of different keys can be merged into one number (false for amounts in different currencies). */
  readonly mergeable: boolean;
}

/** Whether an input is by the time of its events, or by their receipt. */
export const ofTime = (input: Metric['input']) => (input === 'quality' ? 'quality' : 'events');

/** One condition of several. */
export function allOf(conditions: readonly string[]): string {
  return conditions.length === 1 ? conditions[0]! : conditions.map((each) => `(${each})`).join(' AND ');
}

export interface Key {
  readonly name: string;
  /** SQL for the key; a NULL becomes 'unknown'. */
  readonly sql: string;
  readonly description: string;
  /** Most values that an answer names for each window; the rest share the value 'other'. For values that come from outside. */
  readonly max?: number;
  /** It has few values, so that counts of several such keys are kept together, by combination (see plan.ts). */
  readonly few?: true;
  /** Values that are named before all others. */
  readonly first?: readonly string[];
  /** Money of different values of this key can't be added. */
  readonly separatesMoney?: true;
}

export interface Described {
  readonly description: string;
}

export type Aggregate =
  /** Rows for which `where` is true (all, without it). */
  | ({ readonly kind: 'count'; readonly where?: string } & Described)
  | ({
      readonly kind: 'sum';
      readonly of: string;
      /** decimal: a number that may have a fraction. */
      readonly type: 'integer' | 'decimal' | 'money';
      readonly where?: string;
    } & Described)
  | ({ readonly kind: 'max'; readonly of: string; readonly where?: string } & Described)
  /** Quantile `q` of `of`, within RELATIVE_ERROR; all quantiles of a metric are of the same expression. */
  | ({ readonly kind: 'quantile'; readonly of: string; readonly q: number } & Described)
  /** Number of distinct texts, exact up to DISTINCT_EXACT_MAX, then within DISTINCT_ERROR. */
  | ({ readonly kind: 'distinct'; readonly of: string } & Described);

export type Derived =
  /** `of / to` of the same row; money is rounded half away from zero. */
  | ({ readonly kind: 'ratio'; readonly of: string; readonly to: string } & Described)
  /** `of - minus` of the same row; both are money. */
  | ({ readonly kind: 'difference'; readonly of: string; readonly minus: string } & Described)
  /** Sum of `of` over sum of `to`, both over the rows of the window that share the keys `within`. */
  | ({
      readonly kind: 'share';
      readonly of: string;
      readonly to: string;
      readonly within: readonly string[];
    } & Described)
  /** `of` of this row over `of` of the row before it in `order` of the key `key`, same window. */
  | ({
      readonly kind: 'step_ratio';
      readonly of: string;
      readonly key: string;
      readonly order: readonly string[];
    } & Described);

/** Relative error of quantiles: DDSketch's alpha (Masson, Rim, Lee: VLDB 2019). */
export const QUANTILE_ERROR = 0.01;

/**
 * Distinct counts keep the smallest hashes of a window, at most this many (bottom-k, also called KMV: Bar-Yossef et
 * al., RANDOM 2002). Below it the count is exact; above, the standard error is 1 / sqrt(k - 2) = 0.55 %.
 */
export const DISTINCT_EXACT_MAX = 32_768;
/** Stated error of distinct counts above DISTINCT_EXACT_MAX: 3.6 standard errors. */
export const DISTINCT_ERROR = 0.02;

/** Reason in the metric quality of an event that counts although a field of it could not be read. */
export const INVALID_FIELD = 'invalid_field';

/** An event of a live source is late when it is received this long after it happened. */
export const LATE_CLASSES = [
  { name: 'late_5m', fromMs: 5 * 60_000, description: '5 minutes to 1 hour late' },
  { name: 'late_1h', fromMs: 3_600_000, description: '1 hour to 1 day late' },
  { name: 'late_1d', fromMs: 86_400_000, description: '1 to 7 days late' },
  { name: 'late_7d', fromMs: 7 * 86_400_000, description: '7 to 30 days late' },
  { name: 'late_30d', fromMs: 30 * 86_400_000, description: 'more than 30 days late' },
] as const;
