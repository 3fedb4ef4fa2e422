import { DEPTH_MAX, FIELDS } from '../event/fields.ts';
import type { Reason } from '../event/reasons.ts';
import { jsonValue } from './json-text.ts';
import type { Note, NoteCode } from './notes.ts';
import { isObject, RecordSlots } from './record-slots.ts';

/** Beginnings of the members, by the index of the field. */
const PREFIXES = FIELDS.map(({ name }) => `,"${name}":`);
/** Levels of a value in `extra` and in `extra.invalid`, so that the line is as deep as lines may be. */
const EXTRA_DEPTH_MAX = DEPTH_MAX - 1;
const INVALID_DEPTH_MAX = DEPTH_MAX - 2;

/** What is known of the record at work. One object serves all records, one after the other. */
export class RecordState {
  readonly slots: RecordSlots;
  /** The values as JSON, by field; undefined for none. */
  readonly json: (string | undefined)[] = FIELDS.map(() => undefined);
  /** Decimals in 1/10,000, by field. */
  readonly units: (bigint | null)[] = FIELDS.map(() => null);
  notes: Note[] = [];
  /** The field for which the record is rejected. */
  field: string | undefined;
  isTooDeep = false;
  /** Members of `extra.invalid`, by the name as JSON. */
  readonly #invalid = new Map<string, string>();
  readonly #isNull: (text: string) => boolean;

  /** `isNull`: whether a trimmed text stands for a missing value. */
  constructor(isNull: (text: string) => boolean) {
    this.#isNull = isNull;
    this.slots = new RecordSlots((value) => this.isEmpty(value));
  }

  /** Begins with a record; false where it has a name that only the log may have. */
  read(fields: Readonly<Record<string, unknown>>): boolean {
    this.json.fill(undefined);
    this.units.fill(null);
    this.notes = [];
    this.field = undefined;
    this.isTooDeep = false;
    if (this.#invalid.size > 0) this.#invalid.clear();
    return this.slots.read(fields, this.notes);
  }

  /** The event in its canonical form, without a line end. */
  line(): string {
    let line = '';
    for (let index = 0; index < PREFIXES.length; index++) {
      const json = this.json[index];
      if (json !== undefined) line += PREFIXES[index]! + json;
    }
    // Each member begins with a comma; the first one becomes the brace.
    return `{${line.slice(1)}${this.#extra()}}`;
  }

  /** The member `extra`, with what is not a field and what could not be read; '' where there is none. */
  #extra(): string {
    const { otherNames, otherValues, extra } = this.slots;
    if (otherNames.length === 0 && extra === null && this.#invalid.size === 0) return '';
    const members = new Map<string, string>();
    for (const [name, value] of Object.entries(extra ?? {})) {
      if (name !== 'invalid') this.#addExtra(members, name, value);
      else if (isObject(value)) for (const [field, raw] of Object.entries(value)) this.putInvalid(field, raw);
      else this.putInvalid(name, value);
    }
    for (let i = 0; i < otherNames.length; i++) {
      const name = otherNames[i]!;
      // That place in `extra` is taken.
      if (name === 'invalid') this.putInvalid(name, otherValues[i]);
      else this.#addExtra(members, name, otherValues[i]);
    }
    if (this.#invalid.size > 0) members.set('"invalid"', objectJson(this.#invalid));
    if (members.size === 0) return '';
    return `,"extra":${objectJson(members)}`;
  }

  #addExtra(members: Map<string, string>, name: string, value: unknown): void {
    const key = jsonValue(name)!;
    const json = jsonValue(value, EXTRA_DEPTH_MAX);
    if (json === null) this.isTooDeep = true;
    else {
      if (key.isReplaced || json.isReplaced) {
        this.notes.push({ code: 'replaced_character', field: name, value });
      }
      if (members.has(key.json) && members.get(key.json) !== json.json) {
        this.notes.push({ code: 'names_conflict', field: `extra.${name}`, value });
      } else members.set(key.json, json.json);
    }
  }

  /** Whether a value says nothing: null, empty, or a word for that. */
  isEmpty(value: unknown): boolean {
    if (typeof value === 'string') return this.#isNull(value.trim());
    if (value === undefined || value === null) return true;
    if (typeof value !== 'object' || value instanceof Date) return false;
    for (const _ in value) return false;
    return true;
  }

  /** Notes a doubt about the value of a field. */
  note(code: NoteCode, index: number): void {
    this.notes.push({ code, field: FIELDS[index]!.name, value: this.slots.values[index] });
  }

  /** Keeps a value that could not be read in `extra.invalid`, and notes it. */
  addInvalid(index: number, value: unknown, code: NoteCode = 'invalid_field'): void {
    this.putInvalid(FIELDS[index]!.name, value);
    this.note(code, index);
  }

  /** Keeps a value in `extra.invalid`. */
  putInvalid(name: string, value: unknown): void {
    const json = jsonValue(value, INVALID_DEPTH_MAX);
    if (json === null) this.isTooDeep = true;
    else this.#invalid.set(jsonValue(name)!.json, json.json);
  }

  /** Notes why the record is rejected. */
  fail(reason: Reason, index: number): Reason {
    this.field = FIELDS[index]!.name;
    return reason;
  }
}

function objectJson(members: ReadonlyMap<string, string>): string {
  let text = '';
  for (const [name, json] of members) text += `,${name}:${json}`;
  return `{${text.slice(1)}}`;
}
