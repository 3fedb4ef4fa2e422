import { ByteNames } from '../event/byte-names.ts';
import { FIELDS } from '../event/fields.ts';
import { LearnedNames } from '../event/learned-names.ts';
import { NULL_USERS, NULL_WORDS } from '../event/null-words.ts';
import { EVENT_TYPE, USER_ID } from './field-index.ts';
import type { Normalizer } from './normalize.ts';
import { readBoolean } from './values/read-number.ts';

/** Cells that say nothing. */
export const NO_VALUE = Buffer.from('null');
/** Cells whose record is to be read by its values. */
export const DOUBTFUL = Buffer.from('?');
/** Cells that say something, but nothing that an event keeps: of another column for the same field they deny what it says. */
export const NOT_KEPT = Buffer.from('false');
const YES = Buffer.from('true');

/** Words in their usual spellings; others are found by who reads values. */
const spellings = (words: readonly string[]) =>
  words.flatMap((word) => [word, word.toUpperCase(), word.charAt(0).toUpperCase() + word.slice(1)]);
const NO_TEXTS = new ByteNames(spellings(NULL_WORDS));
const NO_USERS = new ByteNames(spellings(NULL_USERS));

/** Longer cells are not remembered, and so is the JSON that is written for a cell. */
const CELL_BYTES_MAX = 64;
export const WORD_BYTES_MAX = CELL_BYTES_MAX + 2;

/** What is written for the cells of a field that are words: of a missing value, yes and no, other names of event types. */
export class CellWords {
  readonly #isUser: boolean;
  /** JSON of a cell, null for its text; null where the field has no words. */
  readonly #jsonOf: ((cell: string) => Uint8Array | null) | null;
  readonly #known = new LearnedNames();
  readonly #jsons: (Uint8Array | null)[] = [];

  /** `index`: that of the field. */
  constructor(index: number, normalizer: Normalizer) {
    this.#isUser = index === USER_ID;
    this.#jsonOf = null;
    if (FIELDS[index]!.kind === 'boolean') this.#jsonOf = booleanJson;
    if (index === EVENT_TYPE) this.#jsonOf = createTypeJson(normalizer);
  }

  /** JSON for the cell in `bytes[start, end)`; null where that is its text. */
  find(bytes: Buffer, start: number, end: number): Uint8Array | null {
    if (NO_TEXTS.find(bytes, start, end) >= 0) return NO_VALUE;
    if (this.#isUser && NO_USERS.find(bytes, start, end) >= 0) return NOT_KEPT;
    if (this.#jsonOf === null || end - start > CELL_BYTES_MAX) return null;
    const known = this.#known.find(bytes, start, end);
    return known >= 0 ? this.#jsons[known]! : this.#learn(bytes.toString('utf8', start, end));
  }

  #learn(cell: string): Uint8Array | null {
    const json = this.#jsonOf!(cell);
    if (!this.#jsons.includes(json)) this.#jsons.push(json);
    this.#known.add(cell, this.#jsons.indexOf(json));
    return json;
  }
}

function booleanJson(cell: string): Uint8Array {
  const answer = readBoolean(cell);
  if (answer === null) return DOUBTFUL;
  return answer ? YES : NOT_KEPT;
}

/** Gives our names of event types; those that are not known keep their own. */
function createTypeJson(normalizer: Normalizer): (cell: string) => Uint8Array | null {
  const jsons = new Map<string, Uint8Array>();
  return (cell) => {
    const { name, isKnown } = normalizer.readEventType(cell.trim());
    if (!isKnown || name === cell) return null;
    const json = jsons.get(name) ?? Buffer.from(JSON.stringify(name));
    jsons.set(name, json);
    return json;
  };
}
