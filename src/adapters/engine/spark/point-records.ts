import { WINDOWS, type WindowSize } from '../../../domain/window.ts';
import { DIRTY, LEDGER } from './render.ts';
import { HISTOGRAM } from './slots.ts';

/** A record of the points topic. Its key is its identity: of records with the same key the last one counts. */
export interface PointRecord {
  key: string;
  value: string;
}

/** What a record says: see pointsSql in render.ts, which makes them. */
export interface PointValue {
  metric: string;
  window?: WindowSize;
  start_ms: number;
  keys: Record<string, string | number>;
  values: Record<string, string | number | null> & { [HISTOGRAM]?: Bucket[] };
  job: string;
}

interface Bucket {
  item: number;
  count: number;
}

/** What became of the lines of a source in a partition of the log, up to an offset. */
export interface LedgerRow {
  counted: number;
  duplicate: number;
  bad: number;
  /** Offset after the last line. */
  past: number;
  received_ms: number;
}

export type Row = Record<string, string | number | null>;

/** Records by what they are, the newest of each key only. Rows have `win` and `start` (minutes) as the store has them. */
export interface SortedRecords {
  points: Map<string, Row[]>;
  histograms: Map<string, Row[]>;
  dirty: { win: number; start: number; partition: number; past: number }[];
  /** By partition and source. */
  ledger: { partition: number; source: string; row: LedgerRow }[];
}

/** Those of `job`; other ones are of other definitions. Throws SyntaxError on a value that is no JSON. */
export function sortRecords(records: readonly PointRecord[], job: string): SortedRecords {
  const newest = new Map(records.map(({ key, value }) => [key, value]));
  const values = [...newest.values()].map((text) => JSON.parse(text) as PointValue);
  return sortValues(values.filter((value) => value.job === job));
}

export function sortValues(values: readonly PointValue[]): SortedRecords {
  const sorted: SortedRecords = { points: new Map(), histograms: new Map(), dirty: [], ledger: [] };
  for (const value of values) {
    const { metric, window, start_ms: startMs, keys, values } = value;
    const win = window === undefined ? -1 : WINDOWS.indexOf(window);
    const start = startMs / 60_000;
    const partition = Number(keys.partition);
    if (metric === LEDGER) {
      sorted.ledger.push({ partition, source: String(keys.source), row: values as unknown as LedgerRow });
    } else if (metric === DIRTY) {
      sorted.dirty.push({ win, start, partition, past: Number(values.past) });
    } else {
      const { [HISTOGRAM]: buckets = [], ...rest } = values;
      add(sorted.points, metric, { win, start, ...keys, ...rest });
      for (const { item: bucket, count: n } of buckets)
        add(sorted.histograms, metric, { win, start, ...keys, bucket, n });
    }
  }
  return sorted;
}

function add(rows: Map<string, Row[]>, metric: string, row: Row): void {
  const list = rows.get(metric);
  if (list) list.push(row);
  else rows.set(metric, [row]);
}
