/**
 * Remembers the newest values, at least `sizeMin` of them and at most twice as many. What is older is forgotten all at once: a Map of which
 * the first entry is deleted each time takes longer with each of them.
 */
export class RecentMap<V> {
  readonly #sizeMin: number;
  #newer = new Map<string, V>();
  #older = new Map<string, V>();

  constructor(sizeMin: number) {
    this.#sizeMin = sizeMin;
  }

  get(key: string): V | undefined {
    const value = this.#newer.get(key);
    return value === undefined ? this.#older.get(key) : value;
  }

  has(key: string): boolean {
    return this.#newer.has(key) || this.#older.has(key);
  }

  set(key: string, value: V): void {
    if (this.#newer.size >= this.#sizeMin && !this.#newer.has(key)) {
      this.#older = this.#newer;
      this.#newer = new Map();
    }
    this.#newer.set(key, value);
  }

  delete(key: string): void {
    this.#newer.delete(key);
    this.#older.delete(key);
  }
}
