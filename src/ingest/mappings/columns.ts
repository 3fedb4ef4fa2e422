import { ITEMS } from '../../event/field-index.ts';
import { nameInPath } from '../mapping/path.ts';
import { targetOf } from '../names.ts';
import { isObject } from '../record-slots.ts';
import { readMoney } from '../values/read-money.ts';
import { fieldsFor } from './words.ts';

type Row = Readonly<Record<string, unknown>>;

/** Objects in objects are looked into so far. */
const DEPTH_MAX = 3;
const COLUMNS_MAX = 1000;

/** A table as a proposal is made of it. */
export interface Columns {
  readonly names: readonly string[];
  /** Values that are not empty. */
  valuesOf(name: string): readonly unknown[];
  /** The value in a row; undefined for none. */
  cell(row: number, name: string): unknown;
  readonly rowCount: number;
  /** The path to a column, as text of YAML. */
  pathText(name: string): string;
}

/** The first element of a list, in the name of a column. */
export const FIRST = '[0]';
/** Whether a list with this name is one of the lines of an order. */
const isOfLines = (name: string) => targetOf(name).index === ITEMS || fieldsFor(name).has('items');
const nameOf = (names: readonly string[]) => names.join('.').replaceAll(`.${FIRST}`, FIRST);

const isGiven = (value: unknown) => value !== undefined && value !== null && String(value).trim() !== '';

/** Whether an object is an amount with its currency: `{amount, currency}`. */
export const isMoneyObject = (value: unknown) => isObject(value) && typeof readMoney(value, {}) !== 'string';

/** The columns of records: what is in objects is a column by its path, but for amounts and lists. */
export function columnsOf(rows: readonly Row[]): Columns {
  const paths = new Map<string, string>();
  const cells = rows.map((row) => {
    const flat = new Map<string, unknown>();
    const add = (value: unknown, names: readonly string[]) => {
      if (isObject(value) && names.length < DEPTH_MAX && !(value instanceof Date) && !isMoneyObject(value)) {
        for (const [name, member] of Object.entries(value)) add(member, [...names, name]);
        return;
      }
      // A list of one, but for the lines of an order.
      if (Array.isArray(value) && value.length === 1 && isObject(value[0]) && !isOfLines(nameOf(names))) {
        add(value[0], [...names, FIRST]);
        return;
      }
      const name = nameOf(names);
      if (!paths.has(name) && paths.size < COLUMNS_MAX) paths.set(name, pathOf(names));
      flat.set(name, value);
    };
    for (const [name, value] of Object.entries(row)) add(value, [name]);
    return flat;
  });
  return {
    names: [...paths.keys()],
    valuesOf: (name) => cells.flatMap((flat) => (isGiven(flat.get(name)) ? [flat.get(name)] : [])),
    cell: (row, name) => (isGiven(cells[row]?.get(name)) ? cells[row]!.get(name) : undefined),
    rowCount: rows.length,
    pathText: (name) => JSON.stringify(paths.get(name) ?? name),
  };
}

/** A path; a name that would be read as several is in quotes. */
function pathOf(names: readonly string[]): string {
  return nameOf(names.map((name) => (name === FIRST ? name : nameInPath(name))));
}

/** A cell as a number, whichever its decimal separator; null for none. */
export function numberOf(value: unknown): number | null {
  if (value === undefined) return null;
  const digits = String(value).replace(/[^\d.,-]/g, '');
  const number = Number(digits.includes(',') ? digits.replace(/\.(?=\d{3})/g, '').replace(',', '.') : digits);
  return digits === '' || !Number.isFinite(number) ? null : number;
}
