import { ByteNames } from './byte-names.ts';

/** A source has a few dozen names. More of them are values in place of names. */
const NAMES_MAX = 500;
/** What stands in JSON as it is. */
const PLAIN = /^[ !#-[\]-~]+$/;

/** Names that were found to stand for a field, recognized by their bytes. */
export class LearnedNames {
  readonly #names: string[] = [];
  readonly #fields: number[] = [];
  #known = new ByteNames([]);

  /** `field`: the index of the field that the name stands for. False where it is not kept, or was known. */
  add(name: string, field: number): boolean {
    if (this.#names.length >= NAMES_MAX || !PLAIN.test(name) || this.#names.includes(name)) return false;
    this.#names.push(name);
    this.#fields.push(field);
    this.#known = new ByteNames(this.#names);
    return true;
  }

  /** Index of the field whose name stands in `bytes[start, end)`; -1 when none is known. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const number = this.#known.find(bytes, start, end);
    return number < 0 ? -1 : this.#fields[number]!;
  }
}
