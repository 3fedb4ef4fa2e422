import { UsageError } from '../../telemetry/errors.ts';
import { isTotalWord } from '../total-words.ts';
import { unaccented } from '../unaccented.ts';
import { createTimeReader } from '../values/read-time.ts';
import { isZoneName } from '../values/time-zone-text.ts';
import type { Columns } from './columns.ts';
import { orderOf } from './fields.ts';

/** What the shape of a table says, beyond the names of its columns. */

/** The rows are totals of days or months: no mapping makes events of them. */
export class TotalsError extends UsageError {}

type ValuesOf = (name: string) => readonly unknown[];

const DATE_ONLY =
  /^\s*(?:\d{1,4}[./-]\d{1,2}[./-]\d{1,4}|\d{8}|[\p{L}\p{M}]{3,12}\.?[-/.\s]+\d{1,2},?[-/.\s]+\d{2,4}|\d{1,2}\.?[-/.\s]+[\p{L}\p{M}]{3,12}\.?,?[-/.\s]+\d{2,4})\s*$/u;
/** A date, or the midnight at which it begins. */
const DAY =
  /^\s*(?:\d{1,4}[./-]\d{1,2}[./-]\d{1,4}|\d{8})(?:[ T]0?0:00(?::00(?:\.0+)?)?(?:Z|[+-]\d\d:?\d\d)?)?\s*$/;
const TIME_OF_DAY = /^\s*\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:\s?[ap]\.?m\.?)?\s*$/i;

const areAll = (values: readonly unknown[], pattern: RegExp) =>
  values.length > 0 && values.every((value) => pattern.test(String(value)));

/** The column with the time of day, where another one has the date; undefined where there is none. */
function timeOfDayBeside(date: string, names: readonly string[], valuesOf: ValuesOf): string | undefined {
  if (!areAll(valuesOf(date), DATE_ONLY)) return undefined;
  const dates = valuesOf(date).length;
  return names.find((name) => valuesOf(name).length === dates && areAll(valuesOf(name), TIME_OF_DAY));
}

/** The columns that belong to those of a time: the time of day, and the zone, where all times can be read with it. */
export function timeColumnsBeside(columns: Columns, date: string, names: readonly string[]): string[] {
  const { valuesOf, cell, rowCount } = columns;
  const timeOfDay = timeOfDayBeside(date, names, valuesOf);
  const found = timeOfDay === undefined ? [] : [timeOfDay];
  const zone = names.find(isZoneName);
  if (zone === undefined) return found;
  const read = createTimeReader({ zone: 'UTC', dateOrder: orderOf(valuesOf(date)) });
  const isRead = (row: number) => {
    const parts = [date, ...found, zone].map((name) => cell(row, name));
    if (parts.includes(undefined)) return cell(row, date) === undefined;
    const time = read(parts.join(' '));
    return typeof time !== 'string' && !time.zoneAssumed;
  };
  const rows = Array.from({ length: rowCount }, (_, row) => row);
  return rows.every(isRead) && valuesOf(date).length > 0 ? [...found, zone] : found;
}

/** Columns that count what others list: in rows of events there is nothing to be counted. */
const COUNTS =
  /^(?:(?:number|no|anzahl|nombre|numero|total)[ ._-]*(?:of|der|de|des)?[ ._-]*)?(?:orders|sessions|visitors|visits|users|transactions|purchases|clicks|impressions|page ?views|customers|bestellungen|besucher|besuche|sitzungen|kunden|nutzer|transaktionen|commandes|visites|visiteurs|pedidos|visitas|visitantes|clientes|usuarios)$/;
const WHOLE_NUMBER = /^\s*\d{1,3}(?:[.,\s']?\d{3})*\s*$|^\s*\d+\s*$/;
/** What a row of one event names; of days nothing has it. */
const IDS = ['order_id', 'user_id', 'visitor_id', 'session_id', 'event_id'];
const ROWS_MIN = 3;
/** So many sales, one each day, without anything else, are totals of days. */
const DAYS_MIN = 5;
const DAY_MS = 86_400_000;

/** The columns by which rows are the totals of days, weeks or months, and not events; null where they are not. */
export function columnsOfTotals(
  fields: ReadonlyMap<string, string>,
  names: readonly string[],
  valuesOf: ValuesOf,
  order: 'dmy' | 'mdy' | undefined,
): readonly string[] | null {
  const date = fields.get('timestamp')!;
  const dates = valuesOf(date);
  if (dates.length < ROWS_MIN || !areAll(dates, DAY) || IDS.some((id) => fields.has(id))) return null;
  const counts = names.filter(
    (name) => COUNTS.test(unaccented(name)) && areAll(valuesOf(name), WHOLE_NUMBER),
  );
  if (counts.length > 0) return [date, ...counts];
  const isOfProducts = fields.has('product_id') || fields.has('product_name');
  return !isOfProducts && dates.length >= DAYS_MIN && areRegular(dates, order) ? [date] : null;
}

/** Whether dates follow each other in equal steps: days, weeks, or months. */
function areRegular(dates: readonly unknown[], dateOrder: 'dmy' | 'mdy' | undefined): boolean {
  const read = createTimeReader({ zone: 'UTC', dateOrder });
  const days = dates.map((date) => {
    const time = read(date);
    return typeof time === 'string' ? Number.NaN : time.micros / 1000 / DAY_MS;
  });
  days.sort((a, b) => a - b);
  const steps = new Set(days.slice(1).map((day, n) => day - days[n]!));
  if (steps.has(0) || [...steps].some(Number.isNaN)) return false;
  const areMonths = [...steps].every((step) => step >= 28 && step <= 31);
  return areMonths || steps.size === 1;
}

/** Conditions that leave out rows which are the sum of others. */
export function conditionsAgainstTotals(
  names: readonly string[],
  valuesOf: ValuesOf,
  pathText: (name: string) => string,
): string[] {
  return names.flatMap((name) => {
    const words = [...new Set(valuesOf(name).map(String))].filter(isTotalWord);
    // Else it is a kind of row, of which there may be many.
    const isOne =
      words.length > 0 && valuesOf(name).filter((value) => isTotalWord(String(value))).length <= 2;
    return isOne ? [`${pathText(name)}: {not: ${JSON.stringify(words)}}`] : [];
  });
}
