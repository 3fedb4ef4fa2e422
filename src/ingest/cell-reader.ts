import { ByteNames } from '../event/byte-names.ts';
import { EVENT_TYPE, TIMESTAMP, USER_ID } from '../event/field-index.ts';
import { BAD_MARK, FIELDS } from '../event/fields.ts';
import { LearnedNames } from '../event/learned-names.ts';
import { NULL_USERS, NULL_WORDS } from '../event/null-words.ts';
import { formatInstant } from '../event/timestamp.ts';
import { isReturnOfGoods } from './document-words.ts';
import { targetOf } from './names.ts';
import type { Normalizer } from './normalize.ts';
import type { Note } from './notes.ts';
import { meansNothing, saysMore } from './record-slots.ts';
import { readBoolean } from './values/read-number.ts';
import type { TimeValue } from './values/read-time.ts';
import { isZoneName } from './values/time-zone-text.ts';

/** Cells that say nothing. */
export const NO_VALUE = Buffer.from('null');
/** Cells that say something, but nothing that an event keeps: of another column for the same field they deny what it says. */
export const NOT_KEPT = Buffer.from('false');
/** Cells whose record is to be read by its values. */
export const DOUBTFUL = Buffer.from('?');
const YES = Buffer.from('true');
const REFUND = 'refund';

/** The "Z" behind a time in UTC. */
const UTC_MARK = 0x5a;

/** Longer cells are not remembered, and so is the JSON that is written in place of a cell. */
const CELL_BYTES_MAX = 64;
export const JSON_BYTES_MAX = CELL_BYTES_MAX + 2;

/** Reads the cells of a column, each for itself. */
export interface CellReader {
  /** JSON for the cell in `bytes[start, end)`, or one of the above; null: its text. Valid until the next call. */
  read(bytes: Buffer, start: number, end: number): Uint8Array | null;
}

type JsonOf = (cell: string) => Uint8Array | null;

/** Words in their usual spellings; others are found by who reads values. */
const spellings = (words: readonly string[]) =>
  words.flatMap((word) => [word, word.toUpperCase(), word.charAt(0).toUpperCase() + word.slice(1)]);
const NO_TEXTS = new ByteNames(spellings(NULL_WORDS));
const NO_USERS = new ByteNames(spellings(NULL_USERS));

/** A text, or a word for a missing one. */
class TextCells implements CellReader {
  read(bytes: Buffer, start: number, end: number): Uint8Array | null {
    return NO_TEXTS.find(bytes, start, end) >= 0 ? NO_VALUE : null;
  }
}

class UserCells implements CellReader {
  read(bytes: Buffer, start: number, end: number): Uint8Array | null {
    if (NO_TEXTS.find(bytes, start, end) >= 0) return NO_VALUE;
    return NO_USERS.find(bytes, start, end) >= 0 ? NOT_KEPT : null;
  }
}

/** One of a few words, whose JSON is remembered. */
class WordCells implements CellReader {
  readonly #jsonOf: JsonOf;
  readonly #known = new LearnedNames();
  readonly #jsons: (Uint8Array | null)[] = [];

  constructor(jsonOf: JsonOf) {
    this.#jsonOf = jsonOf;
  }

  read(bytes: Buffer, start: number, end: number): Uint8Array | null {
    const known = this.#known.find(bytes, start, end);
    if (known >= 0) return this.#jsons[known]!;
    const cell = bytes.toString('utf8', start, end);
    const json = this.#jsonOf(cell);
    if (end - start > CELL_BYTES_MAX) return json;
    if (!this.#jsons.includes(json)) this.#jsons.push(json);
    this.#known.add(cell, this.#jsons.indexOf(json));
    return json;
  }
}

/** Yes, no, or a word for neither. */
function booleanJson(cell: string): Uint8Array {
  if (NULL_WORDS.includes(cell.toLowerCase())) return NO_VALUE;
  const answer = readBoolean(cell);
  if (answer === null) return DOUBTFUL;
  return answer ? YES : NOT_KEPT;
}

/** Gives our names of event types; those that are not known keep their own. */
function createTypeJson(normalizer: Normalizer): JsonOf {
  const jsons = new Map<string, Uint8Array>();
  return (cell) => {
    const { name, isKnown } = normalizer.readEventType(cell.trim());
    // Of these it is noted that goods came back.
    if (name === REFUND && isReturnOfGoods(cell)) return DOUBTFUL;
    if (!isKnown || name === cell) return null;
    const json = jsons.get(name) ?? Buffer.from(JSON.stringify(name));
    jsons.set(name, json);
    return json;
  };
}

/** Times in whatever form, which become canonical ones. */
class TimeCells implements CellReader {
  readonly #normalizer: Normalizer;
  /** What is written, by its length. */
  readonly #jsons = new Map<number, Buffer>();
  #time: TimeValue | null = null;
  #text = '';

  constructor(normalizer: Normalizer) {
    this.#normalizer = normalizer;
  }

  read(bytes: Buffer, start: number, end: number): Uint8Array | null {
    this.#time = null;
    // The usual form stays as it is.
    if (bytes[end - 1] === UTC_MARK) return null;
    this.#text = bytes.toString('utf8', start, end);
    const time = this.#normalizer.readTime(this.#text);
    if (typeof time === 'string') return DOUBTFUL;
    this.#time = time;
    const text = `"${formatInstant(time.micros)}"`;
    const json = this.#jsons.get(text.length) ?? Buffer.alloc(text.length);
    this.#jsons.set(text.length, json);
    json.write(text, 'latin1');
    return json;
  }

  /** What is doubtful about the time that was read last. */
  notes(): readonly Note[] {
    return this.#time === null ? [] : this.#normalizer.timeNotes(this.#time, this.#text);
  }
}

const TEXTS = new TextCells();
const USERS = new UserCells();
const ANY: CellReader = { read: () => DOUBTFUL };

/** What stands in JSON as it is. */
const PLAIN_NAME = /^[ !#-[\]-~]+$/;
/** Names that are not fields and have a meaning in a line of the log. */
const RESERVED = [BAD_MARK, 'extra', 'invalid'];

/** The readers of the columns of tables. */
export class CellReaders {
  readonly #times: TimeCells;
  readonly #types: CellReader;
  readonly #booleans = new WordCells(booleanJson);

  constructor(normalizer: Normalizer) {
    this.#times = new TimeCells(normalizer);
    this.#types = new WordCells(createTypeJson(normalizer));
  }

  /** The reader of a column for a field. */
  ofField(index: number): CellReader {
    if (index === TIMESTAMP) return this.#times;
    if (index === EVENT_TYPE) return this.#types;
    if (index === USER_ID) return USERS;
    return FIELDS[index]!.kind === 'boolean' ? this.#booleans : TEXTS;
  }

  /** The reader of a column that is not a field; null where its cells are nothing but texts. */
  ofOther(name: string): CellReader | null {
    const isPlain = PLAIN_NAME.test(name) && !RESERVED.includes(name);
    // By a name that is near to one of a field, or that of a zone, something may be wrong with each row.
    if (!isPlain || targetOf(name).nearest !== null || isZoneName(name)) return ANY;
    return saysMore(name) ? new WordCells((cell) => (meansNothing(name, cell) ? null : DOUBTFUL)) : null;
  }

  /** Doubts about the time of the row that was read last. */
  timeNotes(): readonly Note[] {
    return this.#times.notes();
  }
}
