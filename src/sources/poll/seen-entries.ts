import { createHash } from 'node:crypto';

/** Entries that are remembered; the oldest are forgotten first. */
export const REMEMBERED_MAX = 100_000;
const HASH_BYTES = 12;

/** How often each content was in an answer, the oldest first. */
export type SeenCounts = [hash: string, count: number][];

/**
 * Tells new entries of a list from those that were counted. A round goes through all pages of the list; an entry is new where
 * its content occurs more often in this round than in those before.
 */
export class SeenEntries {
  #before: Map<string, number>;
  #round: Map<string, number>;

  constructor(before: SeenCounts = [], round: SeenCounts = []) {
    this.#before = new Map(before);
    this.#round = new Map(round);
  }

  /** Counts an entry of the round: whether it is new, and which of its content it is, from 1. */
  count(hash: string): { isNew: boolean; number: number } {
    const number = (this.#round.get(hash) ?? 0) + 1;
    put(this.#round, hash, number);
    return { isNew: number > (this.#before.get(hash) ?? 0), number };
  }

  /** The list has been read to its end: what it holds is known from now on. */
  endRound(): void {
    for (const [hash, count] of this.#round) put(this.#before, hash, count);
    this.#round.clear();
  }

  /** For an address that gives one entry: only the last one is known. */
  forgetOlder(): void {
    this.#before.clear();
  }

  /** The list is read from its beginning again, and what came of this round is known. */
  restartRound(): void {
    for (const [hash, count] of this.#round)
      put(this.#before, hash, Math.max(count, this.#before.get(hash) ?? 0));
    this.#round.clear();
  }

  /** For the state on disk. */
  toState(): { seen: SeenCounts; round: SeenCounts } {
    return { seen: [...this.#before], round: [...this.#round] };
  }

  /** A copy, to be put in place when its entries are stored. */
  copy(): SeenEntries {
    const copy = new SeenEntries();
    copy.#before = new Map(this.#before);
    copy.#round = new Map(this.#round);
    return copy;
  }
}

/** Adds as the newest. */
function put(counts: Map<string, number>, hash: string, count: number): void {
  counts.delete(hash);
  counts.set(hash, count);
  if (counts.size > REMEMBERED_MAX) counts.delete(counts.keys().next().value!);
}

/** Stands for the content of an entry of a source. */
export function contentHash(source: string, content: Buffer): string {
  const hash = createHash('sha256').update(source).update('\n').update(content).digest();
  return hash.toString('base64url', 0, HASH_BYTES);
}
