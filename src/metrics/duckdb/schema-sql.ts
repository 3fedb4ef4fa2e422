import {
  type Column,
  DATE_COLUMN,
  duckTypeOf,
  EVENT_COLUMNS,
  EVENT_TIME_COLUMN,
  ORIGIN_COLUMNS,
} from '../../event/columns.ts';
import {
  BAD_MARK,
  BAD_MARK_FIELD,
  BAD_MARK_RAW,
  DOOR_CLOCK_MS_MAX,
  FIELDS,
  type Field,
  FUTURE_TOLERANCE_MS,
  INVALID_MEMBER,
  ORDER_EVENT_TYPES,
  TIMESTAMP_MIN_MS,
} from '../../event/fields.ts';
import { REASON_CODES, type Reason } from '../../event/reasons.ts';
import { identifier, quote, stringList } from './database.ts';
import { hasNulSql, unreadableSql, valueSql } from './field-sql.ts';
import { identityHashSql, newOrderSql, orderHashSql } from './identity-sql.ts';

const RAW_KEYS = [...FIELDS.map((field) => field.name), BAD_MARK, BAD_MARK_FIELD, BAD_MARK_RAW];

const ORIGIN = ORIGIN_COLUMNS.map(({ name }) => name);
const VALUE_COLUMNS = EVENT_COLUMNS.filter(({ name }) => !ORIGIN.includes(name));

/** Columns of a table of lines that were read: what its rows say, without where they came from. */
export const PARSED_COLUMNS: readonly string[] = [
  ...VALUE_COLUMNS.map(({ name }) => name),
  'reason',
  'field',
  'raw',
  'identity',
  'order_hash',
];

/** Longest line that is read. Ingest cuts lines at 1 MiB at most, but a marked one can be six times as long by its escapes. */
const LINE_BYTES_MAX = 8 * 1024 * 1024;

const MARK_KEYS = [BAD_MARK, BAD_MARK_FIELD, BAD_MARK_RAW];

/** Types with which canonical lines are read. */
const TYPED_KEYS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(FIELDS.map(({ name, kind }) => [name, kind === 'items' ? 'JSON' : duckTypeOf(kind)])),
  extra: 'JSON',
  ...Object.fromEntries(MARK_KEYS.map((name) => [name, 'VARCHAR'])),
};

/** The lines of a file as texts, in column `line`, in their order. */
export function lineTextSql(file: string): string {
  return `SELECT line FROM read_csv(${file}, columns = {line: 'VARCHAR'}, delim = '\x01', quote = '', escape = '',
    header = false, auto_detect = false, max_line_size = ${LINE_BYTES_MAX}, buffer_size = ${LINE_BYTES_MAX})`;
}

/** Canonical lines of a file, in their order; a line that is none fails the query, or shows in `doubtfulSql`. */
export function typedFileSql(file: string): string {
  const columns = Object.entries(TYPED_KEYS).map(([name, type]) => `${identifier(name)}: ${quote(type)}`);
  return typedSql(`read_json(${file}, format = 'newline_delimited', columns = {${columns.join(', ')}},
    maximum_object_size = ${LINE_BYTES_MAX})`);
}

/** The same of a text. */
export function typedLinesSql(text: string): string {
  return typedSql(`(SELECT unnest(json_transform(line, ${quote(JSON.stringify(TYPED_KEYS))})) FROM
    (SELECT unnest(string_split(${text}, chr(10))) AS line) WHERE line <> '')`);
}

function typedSql(rows: string): string {
  const named = (column: string) => identifier(column === EVENT_TIME_COLUMN ? 'timestamp' : column);
  const isEvent = `${identifier(BAD_MARK)} IS NULL`;
  const columns = VALUE_COLUMNS.map((column) => {
    const name = identifier(column.name);
    if (column.name === 'duplicate') return `false AS ${name}`;
    if (column.name === 'new_order') return `${newOrderSql(named)} AS ${name}`;
    if (column.name === DATE_COLUMN) return `${utcDateSql(named(EVENT_TIME_COLUMN))} AS ${name}`;
    if (column.name === 'extra' || column.name === 'items') return `CAST(${name} AS VARCHAR) AS ${name}`;
    return `${named(column.name)} AS ${name}`;
  });
  return `SELECT ${columns.join(', ')},
      CASE WHEN NOT ${isEvent} THEN ${knownReasonSql(identifier(BAD_MARK))} END AS reason,
      nullif(${identifier(BAD_MARK_FIELD)}, '') AS field, ${identifier(BAD_MARK_RAW)} AS raw,
      CASE WHEN ${isEvent} THEN ${identityHashSql(named)} END AS identity,
      CASE WHEN ${isEvent} THEN ${orderHashSql(named)} END AS order_hash
    FROM ${rows}`;
}

/** Condition for rows that ingest has not let pass, in records that claim it: others must validate them. */
export function doubtfulSql(maxReceivedAtMs: number): string {
  const us = `epoch_us(${EVENT_TIME_COLUMN})`;
  const latestUs = (maxReceivedAtMs + DOOR_CLOCK_MS_MAX) * 1000;
  return `CASE WHEN reason IS NOT NULL THEN raw IS NULL ELSE event_type IS NULL OR ${EVENT_TIME_COLUMN} IS NULL
      OR ${us} NOT BETWEEN ${TIMESTAMP_MIN_MS * 1000} AND ${latestUs} END`;
}

/** UTC date of an instant. */
const utcDateSql = (time: string) => `make_date(CAST(epoch_us(${time}) // 86400000000 AS INTEGER))`;

/** A list: IN with so many values becomes a join, which every row goes through and which does not keep their order. */
function knownReasonSql(mark: string): string {
  return `CASE WHEN list_contains(${stringList(REASON_CODES)}, ${mark}) THEN ${mark} ELSE 'not_json' END`;
}

/**
 * The event schema as DuckDB SQL: a query over `lines` (columns `line` and the origin columns) that gives EVENT_COLUMNS
 * plus reason, field, raw, and the hashes by which it is decided what was there before: identity and order_hash. Until then
 * nothing was. Every line gives one row; nothing is dropped. `isCareful`: for lines of which DuckDB reads one as JSON, and fails over it
 * nevertheless. One such line makes TRY go through its 2048 rows one by one.
 */
export function parseSql(lines: string, timeZone: string, isCareful = false): string {
  const orNull = (sql: string) => (isCareful ? `TRY(${sql})` : sql);
  const rules = rejectRules();
  const transform = quote(JSON.stringify(Object.fromEntries(RAW_KEYS.map((key) => [key, 'VARCHAR']))));
  return `
    WITH texts AS (
      SELECT line, received_at,
        ${orNull('len(json_keys(json))')} AS key_count,
        unnest(${orNull(`json_transform(json, ${transform})`)})
      FROM (SELECT *, CASE WHEN json_valid(line) THEN line END AS json FROM ${lines})
    ), typed AS (
      SELECT *,
        ${FIELDS.map((field) => `${valueSql(field, timeZone)} AS ${identifier(valueName(field))}`).join(',\n        ')}
      FROM texts
    ), checked AS (
      SELECT *, ${validationSql(rules)} AS validation FROM typed
    )
    SELECT
      ${VALUE_COLUMNS.map(columnSql).join(',\n      ')},
      ${badRowSql(rules)},
      CASE WHEN validation IS NULL THEN ${identityHashSql(typedValue)} END AS identity,
      CASE WHEN validation IS NULL THEN ${orderHashSql(typedValue)} END AS order_hash
    FROM checked`;
}

function valueName(field: Field): string {
  return `v_${field.name}`;
}

interface Rule {
  when: string;
  reason: Reason;
  field?: string;
}

/** Number of the rule for lines that came marked; of the others the first is 1. */
const MARKED = 0;

/**
 * Why a line is not an event, one rule after the other: of those that hold the first decides. Of the fields only the time, the type
 * and, of an order, its money have rules.
 */
function rejectRules(): Rule[] {
  const rules: Rule[] = [
    { when: 'key_count IS NULL', reason: 'not_json' },
    { when: `key_count = 0 AND NOT starts_with(ltrim(line, ' \t'), '{')`, reason: 'not_an_object' },
  ];
  return [...rules, ...FIELDS.flatMap(rulesOf)];
}

/** Condition for a line that is about money. */
const IS_ORDER = `v_event_type IN (${ORDER_EVENT_TYPES.map(quote).join(', ')})`;

function rulesOf(field: Field): Rule[] {
  const { name, bytesMax } = field;
  const text = identifier(name);
  const value = identifier(valueName(field));
  const unreadable = `${IS_ORDER} AND ${value} IS NULL AND ${text} <> ''`;
  const rules: Omit<Rule, 'field'>[] = [];
  if (field.required)
    rules.push({ when: `${value} IS NULL AND coalesce(${text}, '') = ''`, reason: 'missing_field' });
  if (name === 'event_type')
    rules.push(
      { when: hasNulSql(text), reason: 'nul_character' },
      { when: `strlen(${text}) > ${bytesMax}`, reason: 'text_too_long' },
    );
  if (field.kind === 'timestamp') {
    const latest = `epoch_us(received_at) + ${FUTURE_TOLERANCE_MS * 1000}`;
    rules.push(
      { when: `${value} IS NULL`, reason: 'bad_timestamp' },
      { when: `epoch_us(${value}) < ${TIMESTAMP_MIN_MS * 1000}`, reason: 'timestamp_out_of_range' },
      { when: `epoch_us(${value}) > ${latest}`, reason: 'timestamp_in_future' },
    );
  }
  // A price only decides where there is no amount.
  if (name === 'price')
    rules.push({ when: `${unreadable} AND coalesce(amount, '') = ''`, reason: 'bad_number' });
  if (name === 'amount') rules.push({ when: unreadable, reason: 'bad_number' });
  if (name === 'currency')
    rules.push(
      { when: `${unreadable} AND ${hasNulSql(text)}`, reason: 'nul_character' },
      { when: `${unreadable} AND strlen(${text}) > ${bytesMax}`, reason: 'text_too_long' },
      { when: unreadable, reason: 'wrong_type' },
    );
  return rules.map((rule) => ({ ...rule, field: name }));
}

/** Number of the rule that decides; NULL for an event. */
function validationSql(rules: Rule[]): string {
  const cases = rules.map(({ when }, i) => `WHEN ${when} THEN ${i + 1}`);
  return `CAST(CASE WHEN ${identifier(BAD_MARK)} IS NOT NULL THEN ${MARKED}
        ${cases.join('\n        ')} END AS SMALLINT)`;
}

/** The columns of bad rows; only those pay for them. */
function badRowSql(rules: Rule[]): string {
  const mark = identifier(BAD_MARK);
  const markField = identifier(BAD_MARK_FIELD);
  const markRaw = identifier(BAD_MARK_RAW);
  const ofRule = (texts: (string | undefined)[]) =>
    `list_extract([${texts.map((text) => (text === undefined ? 'NULL' : quote(text))).join(', ')}]::VARCHAR[], validation)`;
  const pick = (marked: string, validated: string) =>
    `CASE WHEN validation = ${MARKED} THEN ${marked} WHEN validation IS NOT NULL THEN ${validated} END`;
  return `${pick(knownReasonSql(mark), ofRule(rules.map(({ reason }) => reason)))} AS reason,
      ${pick(`nullif(${markField}, '')`, ofRule(rules.map(({ field }) => field)))} AS field,
      ${pick(`coalesce(${markRaw}, line)`, 'line')} AS raw`;
}

/** The value of a column of `events`. */
function typedValue(column: string): string {
  return `v_${column === EVENT_TIME_COLUMN ? 'timestamp' : column}`;
}

function columnSql(column: Column): string {
  const name = identifier(column.name);
  if (column.name === 'duplicate') return `false AS ${name}`;
  if (column.name === 'new_order') return `${newOrderSql(typedValue)} AS ${name}`;
  if (column.name === EVENT_TIME_COLUMN) return `v_timestamp AS ${name}`;
  if (column.name === 'event_date') return `${utcDateSql('v_timestamp')} AS ${name}`;
  if (column.name === 'extra') return `${extraSql()} AS ${name}`;
  return `v_${column.name} AS ${name}`;
}

/**
 * All members that are not fields, as a JSON object; those of an object `extra` are among them. Most lines have none, which counting keys
 * tells without building JSON.
 */
function extraSql(): string {
  const knownCount = FIELDS.map((field) => `CAST(${identifier(field.name)} IS NOT NULL AS TINYINT)`).join(
    ' + ',
  );
  const names = [...FIELDS.map((field) => field.name)];
  const patch = (without: readonly string[]) =>
    `json_merge_patch(line, ${quote(JSON.stringify(Object.fromEntries(without.map((name) => [name, null]))))})`;
  const inner = `json_extract(line, '$.extra')`;
  const others = `CASE WHEN key_count <> ${knownCount} THEN nullif(CAST(
      CASE WHEN json_type(line, '$.extra') = 'OBJECT' THEN json_merge_patch(${inner}, ${patch([...names, 'extra'])})
        ELSE ${patch(names)} END AS VARCHAR), '{}') END`;
  return `CASE WHEN validation IS NULL THEN CASE WHEN ${anyUnreadable()} THEN
      concat(coalesce((${others})[:-2] || ',', '{'), ${unreadableMembers()}, '}') ELSE ${others} END END`;
}

/** The fields that may be unreadable in an event. */
const OPTIONAL = FIELDS.filter((field) => !field.required);
const isUnreadable = (field: Field) => unreadableSql(field, identifier(valueName(field)));
const anyUnreadable = () => OPTIONAL.map(isUnreadable).join(' OR ');

/** The member of `extra` with the values that could not be read, as they came. A merge patch would lose nulls in them. */
function unreadableMembers(): string {
  const members = OPTIONAL.map(
    (field) =>
      `CASE WHEN ${isUnreadable(field)} THEN '"${field.name}":' || CAST(json_extract(line, '$.${field.name}') AS VARCHAR) END`,
  );
  return `'"${INVALID_MEMBER}":{' || array_to_string([${members.join(', ')}], ',') || '}'`;
}
