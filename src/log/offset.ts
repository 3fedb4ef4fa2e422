/** Position of a line in a partition of the log: the first line has 0. Safe as a number up to 2^53 lines. */
export type Offset = number;

/** Of some partitions, the offset of the next line. */
export type Positions = Readonly<Record<number, Offset>>;

/** Lines per source, e.g. `{"shop": 1200, "erp": 31}`. */
export type CountsBySource = Record<string, number>;

/**
 * Sources that one log takes lines from: each batch, position and row of the ledger carries the counts of all of them. A
 * log that has more, from an earlier version, goes on with those that it has.
 */
export const SOURCES_MAX = 256;

/** What a name of a source looks like. `__proto__` can't be a name of an object's member. */
export const SOURCE_NAME = /^(?!__proto__$)[a-z0-9_-]{1,32}$/;

/** A copy that is safe to count in: a source may have the name of something that every object inherits. */
export function copyCounts(counts: CountsBySource): CountsBySource {
  return Object.assign(Object.create(null) as CountsBySource, counts);
}

/** The count of a key, 0 where there is none. A source may have the name of something that every object inherits. */
export const countOf = (counts: Readonly<Record<string, number>>, key: string) =>
  Object.hasOwn(counts, key) ? counts[key]! : 0;

/** Adds counts to those of a total, in place. */
export function addCounts(total: Record<string, number>, counts: Readonly<Record<string, number>>): void {
  for (const [key, count] of Object.entries(counts)) total[key] = countOf(total, key) + count;
}

/** Adds `count` lines of `source` to `counts`, in place. */
export function addCount(counts: CountsBySource, source: string, count: number): void {
  counts[source] = countOf(counts, source) + count;
}

export function sumCounts(counts: CountsBySource): number {
  let sum = 0;
  for (const count of Object.values(counts)) sum += count;
  return sum;
}

/** Both counts together. */
export function sumOf(counts: CountsBySource, more: CountsBySource): CountsBySource {
  const sum = { ...counts };
  for (const [source, lines] of Object.entries(more)) addCount(sum, source, lines);
  return sum;
}
