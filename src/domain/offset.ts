/** Position of a line in a partition of the log: the first line has 0. Safe as a number up to 2^53 lines. */
export type Offset = number;

/** Of some partitions, the offset of the next line. */
export type Positions = Readonly<Record<number, Offset>>;

/** Lines per source, e.g. `{"http": 1200, "poll": 31}`. */
export type CountsBySource = Record<string, number>;

/** Adds `count` lines of `source` to `counts`, in place. */
export function addCount(counts: CountsBySource, source: string, count: number): void {
  counts[source] = (counts[source] ?? 0) + count;
}

export function sumCounts(counts: CountsBySource): number {
  let sum = 0;
  for (const count of Object.values(counts)) sum += count;
  return sum;
}
