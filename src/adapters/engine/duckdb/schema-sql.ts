import { EVENT_COLUMNS, EVENT_TIME_COLUMN } from '../../../domain/columns.ts';
import {
  BAD_MARK,
  BAD_MARK_FIELD,
  BAD_MARK_RAW,
  DOOR_CLOCK_MS_MAX,
  EVENT_TYPE_ALIASES,
  FIELDS,
  type Field,
  FUTURE_TOLERANCE_MS,
  MONEY_PRECISION,
  MONEY_SCALE,
  TIMESTAMP_MIN_MS,
} from '../../../domain/fields.ts';
import { REASON_CODES, type Reason } from '../../../domain/reasons.ts';
import { identifier, quote, stringList } from './database.ts';

const RAW_KEYS = [...FIELDS.map((field) => field.name), BAD_MARK, BAD_MARK_FIELD, BAD_MARK_RAW];

/**
 * What is known of lines before they are parsed. 'judged': they passed the door, which marked the bad ones. 'json': each
 * is JSON, but nobody judged it; another line fails the query. 'any': nothing, what is not JSON is a bad row; this costs
 * an eighth more for all lines, and one such line makes TRY go through its 2048 rows one by one.
 */
export type LinesKnown = 'judged' | 'json' | 'any';

/**
 * The event schema as DuckDB SQL: a query over `lines` (columns `line` and the origin columns) that gives EVENT_COLUMNS
 * plus reason, field, raw, id_hash. Every line gives one row; nothing is dropped.
 */
export function parseSql(lines: string, timeZone: string, known: LinesKnown): string {
  const orNull = (sql: string) => (known === 'any' ? `TRY(${sql})` : sql);
  const judged = known === 'judged';
  const rules = judged ? beliefRules() : rejectRules();
  const transform = quote(JSON.stringify(Object.fromEntries(RAW_KEYS.map((key) => [key, 'VARCHAR']))));
  return `
    WITH texts AS (
      SELECT line, log_partition, log_offset, log_line, received_at, source,
        ${orNull('len(json_keys(line))')} AS key_count,
        unnest(${orNull(`json_transform(line, ${transform})`)})
      FROM ${lines}
    ), typed AS (
      SELECT *,
        ${FIELDS.map((field) => `${valueSql(field, timeZone, judged)} AS ${identifier(valueName(field))}`).join(',\n        ')}
      FROM texts
    ), judged AS (
      SELECT *, ${verdictSql(rules)} AS verdict FROM typed
    )
    SELECT
      ${EVENT_COLUMNS.map(columnSql).join(',\n      ')},
      ${badRowSql(rules)},
      CASE WHEN verdict IS NULL AND v_event_id IS NOT NULL THEN hash(v_event_id) END AS id_hash
    FROM judged`;
}

function valueName(field: Field): string {
  return `v_${field.name}`;
}

/** The value of a field; NULL where its text is none. The forms of numbers that are `judged` need no second look. */
function valueSql(field: Field, timeZone: string, judged: boolean): string {
  const text = identifier(field.name);
  if (field.kind === 'timestamp') return timestampSql(text, timeZone, judged);
  if (field.kind === 'integer') {
    const value = `TRY_CAST(${text} AS INTEGER)`;
    return judged ? value : `CASE WHEN ${matches(text, INTEGER)} THEN ${value} END`;
  }
  if (field.kind === 'money') return moneySql(text, judged);
  if (field.name !== 'event_type') return `nullif(${text}, '')`;
  const aliases = Object.entries(EVENT_TYPE_ALIASES).map(
    ([from, to]) => `WHEN ${quote(from)} THEN ${quote(to)}`,
  );
  return `CASE WHEN contains(${text}, ' ') THEN CASE ${text} ${aliases.join(' ')} ELSE ${text} END ELSE nullif(${text}, '') END`;
}

/** DuckDB's casts take more than the door does (spaces, "_", offsets ignored ...), so the form is checked first. */
function matches(text: string, pattern: string): string {
  return `regexp_full_match(${text}, ${quote(pattern)})`;
}

const INTEGER = '-?\\d{1,15}';
const DECIMAL = '-?\\d{1,40}(\\.\\d{1,40})?';
const TINY = `${DECIMAL}[eE]-\\d{1,3}`;
const ISO_TIME =
  '\\d{4}-\\d\\d-\\d\\d[T ]([01]\\d|2[0-3]):\\d\\d:\\d\\d(\\.\\d{1,9})?(Z|[+-](0\\d|1[0-5])(:?[0-5]\\d)?)';

/** As in domain/values.ts: a decimal, or a number with an exponent that is almost nothing. */
function moneySql(text: string, judged: boolean): string {
  const type = `DECIMAL(${MONEY_PRECISION},${MONEY_SCALE})`;
  const double = `TRY_CAST(${text} AS DOUBLE)`;
  const tiny = `CASE WHEN abs(${double}) < 5e-${MONEY_SCALE + 1} THEN 0
      WHEN abs(${double}) < 1e-${MONEY_SCALE} THEN sign(${double}) * 1e-${MONEY_SCALE} END`;
  const isDecimal = judged ? `NOT contains(lower(${text}), 'e')` : matches(text, DECIMAL);
  return `CASE WHEN ${isDecimal} THEN TRY_CAST(${text} AS ${type})
      WHEN ${matches(text, TINY)} THEN CAST(${tiny} AS ${type}) END`;
}

/** The accepted timestamp forms, as in domain/timestamp.ts. */
function timestampSql(text: string, timeZone: string, judged: boolean): string {
  // Wide decimals are slow, and hardly any number has a fraction.
  const units = (scale: number) => `CASE WHEN contains(${text}, '.')
        THEN CAST(floor(TRY_CAST(${text} AS DECIMAL(38,6)) * ${scale}) AS BIGINT)
        ELSE CAST(${text} AS BIGINT) * ${scale} END`;
  const monthDayYear = `TRY_STRPTIME(${text}, '%m/%d/%Y')`;
  // The commonest form, told without a regular expression: in this frame the cast takes nothing but digits, a space before
  // the hour, hour 24, and years of fewer digits, which are out of range.
  const usual = `${text} LIKE '____-__-__T__:__:__.___Z'${judged ? '' : ` AND substring(${text}, 12, 2) BETWEEN '00' AND '23'`}`;
  return `CASE
      WHEN ${usual} THEN TRY_CAST(${text} AS TIMESTAMPTZ)
      WHEN ${matches(text, ISO_TIME)} THEN TRY_CAST(${text} AS TIMESTAMPTZ)
      WHEN ${matches(text, '\\d{1,10}(\\.\\d{1,6})?')} THEN make_timestamptz(${units(1_000_000)})
      WHEN ${matches(text, '\\d{11,14}(\\.\\d{1,6})?')} THEN make_timestamptz(${units(1000)})
      WHEN ${matches(text, '\\d\\d/\\d\\d/\\d{4}')} THEN ${dayStartSql(monthDayYear, timeZone)} END`;
}

/** First instant of the local day `day` (a TIMESTAMP at midnight), as domain/time-zone.ts has it. */
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

interface Rule {
  when: string;
  reason: Reason;
  field?: string;
}

/** Number of the rule for lines that came marked; of the others the first is 1. */
const MARKED = 0;

/** Why a line is no event, one rule after the other: of those that hold the first decides. */
function rejectRules(): Rule[] {
  const texts = textFields().map((field) => identifier(field.name));
  const rules: Rule[] = [
    { when: 'key_count IS NULL', reason: 'not_json' },
    { when: `key_count = 0 AND NOT starts_with(ltrim(line, ' \t'), '{')`, reason: 'not_an_object' },
    // The escape in the raw line is only a hint: a backslash before it would make it plain text.
    {
      when: `contains(line, '\\u0000') AND contains(concat(${texts.join(', ')}), chr(0))`,
      reason: 'nul_character',
    },
  ];
  for (const field of FIELDS) rules.push(...rulesOf(field));
  return rules;
}

/** What no door lets pass and nothing after this could take, in lines that only claim to be judged: a record on Kafka may. */
function beliefRules(): Rule[] {
  const us = 'epoch_us(v_timestamp)';
  return [
    { when: 'v_event_type IS NULL', reason: 'missing_field', field: 'event_type' },
    { when: 'v_timestamp IS NULL', reason: 'bad_timestamp', field: 'timestamp' },
    { when: `${us} < ${TIMESTAMP_MIN_MS * 1000}`, reason: 'timestamp_out_of_range', field: 'timestamp' },
    {
      when: `${us} > epoch_us(received_at) + ${DOOR_CLOCK_MS_MAX * 1000}`,
      reason: 'timestamp_in_future',
      field: 'timestamp',
    },
  ];
}

function rulesOf({ name, kind, required, bytesMax, min, max }: Field): Rule[] {
  const text = identifier(name);
  const value = identifier(`v_${name}`);
  const rules: Omit<Rule, 'field'>[] = [];
  if (required)
    rules.push({ when: `${value} IS NULL AND coalesce(${text}, '') = ''`, reason: 'missing_field' });
  if (kind === 'text') rules.push({ when: `strlen(${text}) > ${bytesMax}`, reason: 'text_too_long' });
  else if (kind === 'timestamp') {
    const latest = `epoch_us(received_at) + ${FUTURE_TOLERANCE_MS * 1000}`;
    rules.push(
      { when: `${value} IS NULL`, reason: 'bad_timestamp' },
      { when: `epoch_us(${value}) < ${TIMESTAMP_MIN_MS * 1000}`, reason: 'timestamp_out_of_range' },
      { when: `epoch_us(${value}) > ${latest}`, reason: 'timestamp_in_future' },
    );
  } else {
    rules.push({ when: `${value} IS NULL AND ${text} <> ''`, reason: 'bad_number' });
    if (min !== undefined) {
      rules.push({ when: `${value} NOT BETWEEN ${min} AND ${max}`, reason: 'number_out_of_range' });
    }
  }
  return rules.map((rule) => ({ ...rule, field: name }));
}

/** Number of the rule that decides; NULL for an event. */
function verdictSql(rules: Rule[]): string {
  const cases = rules.map(({ when }, i) => `WHEN ${when} THEN ${i + 1}`);
  return `CAST(CASE WHEN ${identifier(BAD_MARK)} IS NOT NULL THEN ${MARKED}
        ${cases.join('\n        ')} END AS SMALLINT)`;
}

/** The columns of bad rows; only those pay for them. */
function badRowSql(rules: Rule[]): string {
  const [mark, markField, markRaw] = [BAD_MARK, BAD_MARK_FIELD, BAD_MARK_RAW].map(identifier);
  // A list: IN with so many values becomes a join, which every row goes through and which does not keep their order.
  const known = stringList(REASON_CODES);
  const ofRule = (texts: (string | undefined)[]) =>
    `list_extract([${texts.map((text) => (text === undefined ? 'NULL' : quote(text))).join(', ')}]::VARCHAR[], verdict)`;
  const pick = (marked: string, judged: string) =>
    `CASE WHEN verdict = ${MARKED} THEN ${marked} WHEN verdict IS NOT NULL THEN ${judged} END`;
  return `${pick(
    `CASE WHEN list_contains(${known}, ${mark}) THEN ${mark} ELSE 'not_json' END`,
    ofRule(rules.map(({ reason }) => reason)),
  )} AS reason,
      ${pick(`nullif(${markField}, '')`, ofRule(rules.map(({ field }) => field)))} AS field,
      ${pick(`coalesce(${markRaw}, line)`, 'line')} AS raw`;
}

function textFields(): Field[] {
  return FIELDS.filter((field) => field.kind === 'text');
}

function columnSql(column: { name: string }): string {
  const name = identifier(column.name);
  if (column.name === EVENT_TIME_COLUMN) return `v_timestamp AS ${name}`;
  if (column.name === 'event_date')
    return `make_date(CAST(epoch_us(v_timestamp) // 86400000000 AS INTEGER)) AS ${name}`;
  if (column.name === 'extra') return `${extraSql()} AS ${name}`;
  return FIELDS.some((field) => field.name === column.name) ? `v_${column.name} AS ${name}` : name;
}

/** Unknown fields as a JSON object. Most lines have none, which counting keys tells without building JSON. */
function extraSql(): string {
  const knownCount = FIELDS.map((field) => `CAST(${identifier(field.name)} IS NOT NULL AS TINYINT)`).join(
    ' + ',
  );
  const withoutKnown = quote(JSON.stringify(Object.fromEntries(FIELDS.map((field) => [field.name, null]))));
  return `CASE WHEN verdict IS NULL AND key_count <> ${knownCount}
      THEN nullif(CAST(json_merge_patch(line, ${withoutKnown}) AS VARCHAR), '{}') END`;
}
