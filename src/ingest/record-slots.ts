import { BAD_MARK, FIELDS } from '../event/fields.ts';
import { moneyColumn, moneyColumnWith } from './money-columns.ts';
import { targetOf } from './names.ts';
import type { Note } from './notes.ts';
import { fateOf, isNoStatus, isOrderStatus, statusKind } from './order-status.ts';
import { testKind, testMarkOf } from './test-marks.ts';

/** Notes without a value are the same for every record; their names are remembered. */
const REMEMBERED_MAX = 5000;
const unusedNotes = new Map<string, Note>();

function unusedNote(name: string): Note {
  let note = unusedNotes.get(name);
  if (note === undefined) {
    const { nearest } = targetOf(name);
    note = nearest === null ? { code: 'unused', field: name } : { code: 'near_name', field: name, nearest };
    if (unusedNotes.size < REMEMBERED_MAX) unusedNotes.set(name, note);
  }
  return note;
}

/** Whether the value of a name that is not a field says something that matters, so that it is to be looked at in every record. */
export const saysMore = (name: string) =>
  moneyColumn(name) !== null || statusKind(name) !== null || testKind(name) !== null;

/** Whether what such a name has as its value says nothing after all. */
export const meansNothing = (name: string, value: unknown) =>
  moneyColumnWith(name, value) === null && fateOf(name, value) === null && testMarkOf(name, value) === null;

/** The values of a record by field. One object serves all records, one after the other. */
export class RecordSlots {
  /** By the index of the field; undefined for none. */
  readonly values: unknown[] = FIELDS.map(() => undefined);
  /** Indexes of the fields that have a value. */
  readonly used: number[] = [];
  /** How sure it is that the value is that of the field, see `NameTarget`. */
  readonly ranks = new Uint8Array(FIELDS.length);
  /** The name in the source. */
  readonly names: string[] = FIELDS.map(() => '');
  /** Names that are not used for a field, and their values. */
  readonly otherNames: string[] = [];
  readonly otherValues: unknown[] = [];
  /** The object `extra` of the record. */
  extra: Readonly<Record<string, unknown>> | null = null;
  readonly #isEmpty: (value: unknown) => boolean;

  constructor(isEmpty: (value: unknown) => boolean) {
    this.#isEmpty = isEmpty;
  }

  /** Takes in a record; false where it has a name that only the log may have. */
  read(fields: Readonly<Record<string, unknown>>, notes: Note[]): boolean {
    for (const index of this.used) this.values[index] = undefined;
    this.used.length = 0;
    this.otherNames.length = 0;
    this.otherValues.length = 0;
    this.extra = null;
    for (const name in fields) {
      const value = ofUnion(fields[name]);
      if (value === undefined) continue;
      const { index, rank } = targetOf(name);
      if (index < 0) {
        if (name === BAD_MARK) return false;
        if (name === 'extra' && isObject(value)) this.#takeExtra(value, notes);
        else this.#setAside(name, value, notes);
      } else if (this.values[index] === undefined) this.#put(index, rank, name, value);
      else this.#choose(index, rank, name, value, notes);
    }
    return true;
  }

  /** Sets the value of a field that has none. */
  add(index: number, value: unknown): void {
    this.#put(index, 0, FIELDS[index]!.name, value);
  }

  /** Takes the value of a field away, and keeps it under its own name. */
  drop(index: number, notes: Note[]): void {
    this.#setAside(this.names[index]!, this.values[index], notes);
    this.values[index] = undefined;
  }

  #put(index: number, rank: number, name: string, value: unknown): void {
    if (this.values[index] === undefined) this.used.push(index);
    this.values[index] = value;
    this.ranks[index] = rank;
    this.names[index] = name;
  }

  /** Of two names of a field: one that has a value, or else the surer one. */
  #choose(index: number, rank: number, name: string, value: unknown, notes: Note[]): void {
    const [held, heldName, heldRank] = [this.values[index], this.names[index]!, this.ranks[index]!];
    if (this.#isEmpty(value)) return;
    if (this.#isEmpty(held)) {
      this.#put(index, rank, name, value);
      return;
    }
    const isSurer = rank < heldRank;
    const [other, otherName, otherRank] = isSurer ? [held, heldName, heldRank] : [value, name, rank];
    if (isSurer) this.#put(index, rank, name, value);
    const { kind, name: field } = FIELDS[index]!;
    const isMoney = kind === 'money';
    const isEqual = areEqual(held, value, isMoney);
    // Spellings of one name are not two columns. An alias is one of its own, and kept.
    const isSpelling = otherRank <= 1;
    if (isEqual) return;
    if (isSpelling || (isMoney && this.ranks[index]! <= 1))
      notes.push({ code: 'names_conflict', field, value: { [otherName]: other } });
    else if (this.ranks[index]! > 1)
      notes.push({
        code: 'alias_chosen',
        field,
        value: other,
        nearest: `${this.names[index]}, ${otherName}`,
      });
    this.otherNames.push(otherName);
    this.otherValues.push(other);
    if (!isSpelling) notes.push(unusedNote(otherName));
  }

  #setAside(name: string, value: unknown, notes: Note[]): void {
    this.otherNames.push(name);
    this.otherValues.push(value);
    notes.push(unusedNote(name));
    this.#lookAt(name, value, notes);
  }

  /** Notes what a column that is not a field says of an order. */
  #lookAt(name: string, value: unknown, notes: Note[]): void {
    const code = moneyColumnWith(name, value);
    if (code !== null) notes.push({ code, field: name, value });
    const found = fateOf(name, value);
    if (found !== null) notes.push({ code: found.fate, field: found.text });
    if (isOrderStatus(name))
      notes.push({ code: isNoStatus(value) ? 'status_missing' : 'status_given', field: name });
    const test = testMarkOf(name, value);
    if (test !== null) notes.push({ code: test.mark, field: test.text });
  }

  #takeExtra(extra: Readonly<Record<string, unknown>>, notes: Note[]): void {
    this.extra = extra;
    for (const name in extra) this.#lookAt(name, extra[name], notes);
  }
}

/** Types of Avro of which a field may be one, or null: its JSON names the type, as in `{"string": "A-1"}`. */
const AVRO_TYPES = new Set(['string', 'int', 'long', 'float', 'double', 'boolean']);

/** A value as it is, without the type that Avro's JSON puts around it. */
function ofUnion(value: unknown): unknown {
  if (!isObject(value)) return value;
  const [type, ...others] = Object.keys(value);
  if (type === undefined || others.length > 0 || !AVRO_TYPES.has(type)) return value;
  const inner = value[type];
  return typeof inner === 'object' ? value : inner;
}

/** Whether a value can be neither a time nor a number, however it is written. */
export function isOtherType(value: unknown): boolean {
  return typeof value === 'boolean' || Array.isArray(value);
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function areEqual(a: unknown, b: unknown, isMoney: boolean): boolean {
  if (typeof a === 'object' || typeof b === 'object') return a === b;
  return String(a) === String(b) || (isMoney && Number(a) === Number(b));
}
