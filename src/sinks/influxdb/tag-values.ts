import pLimit from 'p-limit';
import type { StateFile } from '../../system/state-file.ts';
import { OTHER_VALUE } from './layout.ts';

/**
 * Which values each tag is written with. Every value of a tag makes series in InfluxDB, which cost its memory for ever, and some
 * come from outside: the first `max` of each tag are taken, further ones are OTHER_VALUE. The choice is kept in a file: chosen
 * again, a window that is written again would leave points of the first choice behind.
 */
export class TagValues {
  readonly #file: StateFile;
  readonly #store: string;
  readonly #max: number;
  readonly #values = new Map<string, Set<string>>();
  #isSaved = true;
  readonly #oneByOne = pLimit(1);

  private constructor(file: StateFile, store: string, max: number) {
    this.#file = file;
    this.#store = store;
    this.#max = max;
  }

  static async open(file: StateFile, store: string, max: number): Promise<TagValues> {
    const values = new TagValues(file, store, max);
    const saved = (await file.read()) as { store?: string; tags?: Record<string, string[]> } | null;
    if (saved?.store === store) {
      for (const [tag, list] of Object.entries(saved.tags ?? {})) values.#values.set(tag, new Set(list));
    }
    return values;
  }

  /** An empty value makes no tag, and counts as none. */
  readonly admit = (tag: string, value: string): string => {
    if (value === '' || value === OTHER_VALUE) return value;
    let known = this.#values.get(tag);
    if (!known) {
      known = new Set();
      this.#values.set(tag, known);
    }
    if (known.has(value)) return value;
    if (known.size >= this.#max) return OTHER_VALUE;
    known.add(value);
    this.#isSaved = false;
    return value;
  };

  /** Must be done before a point with a new value is sent. */
  save(): Promise<void> {
    return this.#oneByOne(() => this.#saveNew());
  }

  async #saveNew(): Promise<void> {
    if (this.#isSaved) return;
    this.#isSaved = true;
    try {
      const tags = Object.fromEntries([...this.#values].map(([tag, known]) => [tag, [...known]]));
      await this.#file.write({ store: this.#store, tags });
    } catch (error) {
      this.#isSaved = false;
      throw error;
    }
  }
}
