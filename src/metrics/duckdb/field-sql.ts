import { EVENT_TYPE_ALIASES, type Field, MONEY_PRECISION, MONEY_SCALE } from '../../event/fields.ts';
import { identifier, quote } from './database.ts';

/** Values of fields from their texts, as json_transform gives them of a line: NULL where a text can't be read. */
export function valueSql(field: Field, timeZone: string): string {
  const text = identifier(field.name);
  if (field.kind === 'timestamp') return timestampSql(text, timeZone);
  if (field.name === 'event_type') return eventTypeSql(text);
  if (field.kind === 'text') return textSql(field);
  if (field.kind === 'boolean')
    return `CASE ${text} WHEN 'true' THEN CASE WHEN ${isJson(field, 'BOOLEAN')} THEN true END END`;
  if (field.kind === 'items')
    return `CASE WHEN starts_with(${text}, '[') THEN CASE WHEN ${isJson(field, 'ARRAY')} THEN ${text} END END`;
  if (field.kind === 'money') return moneySql(text);
  const number = field.kind === 'decimal' ? moneySql(text) : integerSql(text);
  return `CASE WHEN ${number} BETWEEN ${field.min} AND ${field.max} THEN ${number} END`;
}

/** Whether an optional field has a value that can't be read; `value` is what `valueSql` gave. */
export function unreadableSql(field: Field, value: string): string {
  const text = identifier(field.name);
  if (field.kind !== 'boolean') return `(${value} IS NULL AND ${text} <> '')`;
  return `CASE ${text} WHEN '' THEN false WHEN 'false' THEN NOT ${isJson(field, 'BOOLEAN')} ELSE ${value} IS NULL AND ${text} IS NOT NULL END`;
}

/** A text with U+0000. The escape in the raw line is only a hint: a backslash before it would make it plain text. */
export const hasNulSql = (text: string) => `(contains(line, '\\u0000') AND contains(${text}, chr(0)))`;

const isJson = ({ name }: Field, type: string) => `json_type(line, '$.${name}') = '${type}'`;

const integerSql = (text: string) =>
  `CASE WHEN ${matches(text, INTEGER)} THEN TRY_CAST(${text} AS INTEGER) END`;

function eventTypeSql(text: string): string {
  const aliases = Object.entries(EVENT_TYPE_ALIASES).map(
    ([from, to]) => `WHEN ${quote(from)} THEN ${quote(to)}`,
  );
  return `CASE WHEN contains(${text}, ' ') THEN CASE ${text} ${aliases.join(' ')} ELSE ${text} END ELSE nullif(${text}, '') END`;
}

/** A JSON string or a whole number, cut to its limit. Only what begins like another value is looked at more closely. */
function textSql(field: Field): string {
  const { name, bytesMax = 0 } = field;
  const text = identifier(name);
  const ranges = [
    `BETWEEN '-' AND ':'`,
    `BETWEEN '[' AND '\\'`,
    `BETWEEN 'f' AND 'g'`,
    `BETWEEN 't' AND 'u'`,
    `>= '{'`,
  ];
  const isOther = ranges.map((range) => `${text} ${range}`).join(' OR ');
  // A part of a currency's code would be another currency.
  const cut = name === 'currency' ? 'NULL' : cutSql(text, bytesMax);
  return `CASE WHEN ${text} = '' THEN NULL
      WHEN (${isOther}) AND CASE WHEN ${matches(text, '-?\\d+')} THEN false ELSE NOT ${isJson(field, 'VARCHAR')} END THEN NULL
      WHEN ${hasNulSql(text)} THEN NULL WHEN strlen(${text}) > ${bytesMax} THEN ${cut} ELSE ${text} END`;
}

/** The text, cut at a character to at most so many bytes. */
function cutSql(text: string, bytesMax: number): string {
  const cuts = [0, 1, 2, 3].map((less) => `TRY(decode(array_slice(encode(${text}), 1, ${bytesMax - less})))`);
  return `coalesce(${cuts.join(', ')})`;
}

/** DuckDB's casts take more than ingest does (spaces, "_", offsets ignored ...), so the form is checked first. */
function matches(text: string, pattern: string): string {
  return `regexp_full_match(${text}, ${quote(pattern)})`;
}

const INTEGER = '-?\\d{1,15}';
const DECIMAL = '-?\\d{1,40}(\\.\\d{1,40})?';
const TINY = `${DECIMAL}[eE]-\\d{1,3}`;
const ISO_TIME =
  '\\d{4}-\\d\\d-\\d\\d[T ]([01]\\d|2[0-3]):\\d\\d:\\d\\d(\\.\\d{1,9})?(Z|[+-](0\\d|1[0-5])(:?[0-5]\\d)?)';

/** As in event/values.ts: a decimal, or a number with an exponent that is almost nothing. */
function moneySql(text: string): string {
  const type = `DECIMAL(${MONEY_PRECISION},${MONEY_SCALE})`;
  const double = `TRY_CAST(${text} AS DOUBLE)`;
  const tiny = `CASE WHEN abs(${double}) < 5e-${MONEY_SCALE + 1} THEN 0
      WHEN abs(${double}) < 1e-${MONEY_SCALE} THEN sign(${double}) * 1e-${MONEY_SCALE} END`;
  return `CASE WHEN ${matches(text, DECIMAL)} THEN TRY_CAST(${text} AS ${type})
      WHEN ${matches(text, TINY)} THEN CAST(${tiny} AS ${type}) END`;
}

/** The accepted timestamp forms, as in event/timestamp.ts. */
function timestampSql(text: string, timeZone: string): string {
  // Wide decimals are slow, and hardly any number has a fraction.
  const units = (scale: number) => `CASE WHEN contains(${text}, '.')
        THEN CAST(floor(TRY_CAST(${text} AS DECIMAL(38,6)) * ${scale}) AS BIGINT)
        ELSE CAST(${text} AS BIGINT) * ${scale} END`;
  const monthDayYear = `TRY_STRPTIME(${text}, '%m/%d/%Y')`;
  // The commonest form, told without a regular expression: in this frame the cast takes nothing but digits, a space before
  // the hour, hour 24, and years of fewer digits, which are out of range.
  const usual = `${text} LIKE '____-__-__T__:__:__.___Z' AND substring(${text}, 12, 2) BETWEEN '00' AND '23'`;
  return `CASE
      WHEN ${usual} THEN TRY_CAST(${text} AS TIMESTAMPTZ)
      WHEN ${matches(text, ISO_TIME)} THEN TRY_CAST(${text} AS TIMESTAMPTZ)
      WHEN ${matches(text, '\\d{1,10}(\\.\\d{1,6})?')} THEN make_timestamptz(${units(1_000_000)})
      WHEN ${matches(text, '\\d{11,14}(\\.\\d{1,6})?')} THEN make_timestamptz(${units(1000)})
      WHEN ${matches(text, '\\d{1,2}/\\d{1,2}/\\d{4}')} THEN ${dayStartSql(monthDayYear, timeZone)} END`;
}

/** First instant of the local day `day` (a TIMESTAMP at midnight), as event/time-zone.ts has it. */
export function dayStartSql(day: string, timeZone: string): string {
  if (timeZone === 'UTC') return `timezone('UTC', ${day})`;
  const zone = quote(timeZone);
  const midnight = `timezone(${zone}, ${day})`;
  // ICU takes the later of two midnights; the day begins at the first. No zone goes back by anything but these.
  const earlier = [180, 120, 60, 30, 20].map(
    (minutes) =>
      `WHEN timezone(${zone}, ${midnight} - INTERVAL ${minutes} MINUTE) = ${day} ` +
      `THEN ${midnight} - INTERVAL ${minutes} MINUTE`,
  );
  return `CASE ${earlier.join(' ')} ELSE ${midnight} END`;
}
