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
import { identifier, matches, pattern, quote } from './sql.ts';

/** Headers of our own records, and the source of records that name none. */
export interface RecordMarks {
  sourceHeader: string;
  judgedHeader: string;
  unnamedSource: string;
}

const CORRUPT = '_corrupt_record';
/** What JSON takes for space. */
const SPACE = quote(' \t\r\n');
const ALL_KEYS = [...FIELDS.map((field) => field.name), BAD_MARK, BAD_MARK_FIELD, BAD_MARK_RAW];

/** As RFC 8259 has it: Spark's reader takes more. */
const JSON_OPTIONS = `map('allowSingleQuotes', 'false', 'allowNonNumericNumbers', 'false', 'columnNameOfCorruptRecord', ${quote(CORRUPT)})`;

/**
 * The lines of Kafka records: one record may hold several, as in kafka-client/value-lines.ts. `records` has the columns
 * of Spark's Kafka source.
 */
export function linesSql(records: string, marks: RecordMarks): string {
  // The last one that fits. Our own records have two; a function over an array costs more than all the rest here.
  const header = (name: string, form: string) => {
    const fits = (of: string) =>
      `${of}.key = ${quote(name)} AND ${matches(`CAST(${of}.value AS STRING)`, form)}`;
    const at = (index: number) => `WHEN ${fits(`get(headers, ${index})`)} THEN get(headers, ${index}).value`;
    return `CAST(CASE WHEN size(headers) > 2 THEN try_element_at(filter(headers, h -> ${fits('h')}), -1).value
        ${at(1)} ${at(0)} END AS STRING)`;
  };
  // Of our own blocks, the empty lines go at the end: numbers of lines may have gaps, and a function for each element costs much.
  const words = `filter(split(text, ${pattern('\\r?\\n')}), l -> trim(BOTH ${SPACE} FROM l) <> '')`;
  const elements = `from_json(text, 'ARRAY<STRING>', ${JSON_OPTIONS})`;
  const firstLine = `element_at(${words}, 1)`;
  return `
    SELECT log_partition, log_offset, received_us, source, judged, log_line, line FROM (
      SELECT log_partition, log_offset, received_us, source, judged, is_block, posexplode(parts) AS (log_line, line)
      FROM (SELECT *, judged AND contains(text, '\\n') AS is_block, CASE
          WHEN text IS NULL THEN array('')
          WHEN judged THEN CASE WHEN contains(text, '\\n') THEN split(text, '\\n') ELSE array(text) END
          WHEN NOT is_valid_utf8(text) THEN array(text)
          WHEN trim(LEADING ${SPACE} FROM text) LIKE '[%' AND size(${elements}) > 0 THEN ${elements}
          WHEN NOT contains(text, '\\n') THEN array(text)
          WHEN trim(LEADING ${SPACE} FROM text) LIKE '{%' AND try_parse_json(${firstLine}) IS NULL AND try_parse_json(text) IS NOT NULL THEN array(text)
          WHEN size(${words}) > 0 THEN ${words}
          ELSE array(text) END AS parts
      FROM (
        SELECT partition AS log_partition, offset AS log_offset, unix_micros(timestamp) AS received_us,
          coalesce(${header(marks.sourceHeader, '[a-z0-9_-]{1,32}')}, ${quote(marks.unnamedSource)}) AS source,
          ${header(marks.judgedHeader, '1')} IS NOT NULL AS judged,
          CASE WHEN startswith(CAST(value AS STRING), ${quote('\uFEFF')}) THEN substr(CAST(value AS STRING), 2) ELSE CAST(value AS STRING) END AS text
        FROM ${records}
      ))
    ) WHERE NOT (is_block AND trim(BOTH ${SPACE} FROM line) = '')`;
}

/** Columns of a judged line that say where it came from. */
const ORIGIN = ['log_partition', 'log_offset', 'log_line', 'received_us', 'source'] as const;

/**
 * The event schema as Spark SQL: a row for each line of `lines`, with ORIGIN, `bad_reason` (NULL for an event), `event_us` and
 * `columns` of the schema. Nothing is dropped. Lines that the door judged are not judged again, as long as they can be believed.
 * Of these only what is wanted is read, integers as such (`fast`), as a number that becomes a text costs much; but all again
 * (`parsed`) where that fails, as for a number in quotes. Money stays a text: as a number 1e400000000 would fill the memory.
 */
export function judgedSql(lines: string, columns: readonly string[], lineBytesMax: number): string {
  const schema = [...ALL_KEYS, CORRUPT].map((key) => `${identifier(key)} STRING`).join(', ');
  const wanted = FIELDS.filter(({ name, required }) => required || columns.includes(name));
  const fastSchema = [
    ...wanted.map(({ name, kind }) => `${identifier(name)} ${kind === 'integer' ? 'INT' : 'STRING'}`),
    ...[BAD_MARK, CORRUPT].map((key) => `${identifier(key)} STRING`),
  ];
  const values = FIELDS.map((field) => {
    const value = wanted.includes(field) ? wantedSql(field) : valueSql(field, textOf(field.name));
    return `${value} AS ${identifier(`v_${field.name}`)}`;
  });
  const rules = FIELDS.flatMap(rulesOf);
  const cases = rules.map(({ when, reason }) => `WHEN ${when} THEN ${quote(reason)}`);
  const texts = FIELDS.filter(({ kind }) => kind === 'text').map(({ name }) => textOf(name));
  const mark = `coalesce(${textOf(BAD_MARK)}, ${fastOf(BAD_MARK)})`;
  const known = REASON_CODES.map(quote).join(', ');
  return `
    SELECT ${ORIGIN.join(', ')}, bad_reason,
      v_timestamp AS event_us, ${columns.map((name) => `${identifier(`v_${name}`)} AS ${identifier(name)}`).join(', ')}
    FROM (
      SELECT *, CASE
          WHEN ${mark} IS NOT NULL THEN CASE WHEN ${mark} IN (${known}) THEN ${mark} ELSE 'not_json' END
          WHEN judged THEN CASE
            WHEN v_event_type IS NULL THEN 'missing_field'
            WHEN v_timestamp IS NULL THEN 'bad_timestamp'
            WHEN v_timestamp < ${TIMESTAMP_MIN_MS * 1000} THEN 'timestamp_out_of_range'
            WHEN v_timestamp > received_us + ${DOOR_CLOCK_MS_MAX * 1000} THEN 'timestamp_in_future' END
          WHEN NOT is_valid_utf8(line) THEN 'not_utf8'
          WHEN octet_length(line) > ${lineBytesMax} THEN 'line_too_long'
          WHEN NOT trim(LEADING ${SPACE} FROM line) LIKE '{%' THEN CASE WHEN try_parse_json(line) IS NULL THEN 'not_json' ELSE 'not_an_object' END
          WHEN parsed IS NULL OR ${textOf(CORRUPT)} IS NOT NULL OR NOT trim(TRAILING ${SPACE} FROM line) LIKE '%}' THEN 'not_json'
          WHEN contains(line, ${quote('\\u0000')}) AND contains(concat_ws('', ${texts.join(', ')}), chr(0)) THEN 'nul_character'
          ${cases.join('\n          ')}
        END AS bad_reason
      FROM (
        SELECT *, ${values.join(',\n          ')}
        FROM (
          SELECT *, from_json(CASE WHEN NOT judged OR ${fastOf(CORRUPT)} IS NOT NULL THEN line END, ${quote(schema)}, ${JSON_OPTIONS}) AS parsed
          FROM (SELECT *, from_json(CASE WHEN judged THEN line END, ${quote(fastSchema.join(', '))}, ${JSON_OPTIONS}) AS fast FROM ${lines})
        )
      )
    )`;
}

const textOf = (name: string) => `parsed.${identifier(name)}`;
const fastOf = (name: string) => `fast.${identifier(name)}`;

const INTEGER = '-?\\d{1,15}';
const DECIMAL = '-?\\d{1,40}(\\.\\d{1,40})?';
const TINY = `${DECIMAL}[eE]-\\d{1,3}`;
const ISO_TIME =
  '\\d{4}-\\d\\d-\\d\\d[T ]([01]\\d|2[0-3]):\\d\\d:\\d\\d(\\.\\d{1,9})?(Z|[+-](0\\d|1[0-5])(:?[0-5]\\d)?)';

/** The value of a field that is in both. */
function wantedSql(field: Field): string {
  const [text, fast] = [textOf(field.name), fastOf(field.name)];
  return field.kind === 'integer'
    ? `coalesce(${fast}, ${valueSql(field, text)})`
    : valueSql(field, `coalesce(${text}, ${fast})`);
}

/** The value of a field; NULL where its text is none. Of lines that are judged the forms need no second look. */
function valueSql(field: Field, text: string): string {
  if (field.kind === 'timestamp') return timestampSql(text, plainNumber(text));
  if (field.kind === 'integer')
    return `CASE WHEN judged OR ${matches(text, INTEGER)} THEN try_cast(${text} AS INT) END`;
  if (field.kind === 'money') return moneySql(text, plainNumber(text));
  if (field.name !== 'event_type') return `nullif(${text}, '')`;
  const aliases = Object.entries(EVENT_TYPE_ALIASES).map(
    ([from, to]) => `WHEN ${quote(from)} THEN ${quote(to)}`,
  );
  return `CASE ${text} ${aliases.join(' ')} ELSE nullif(${text}, '') END`;
}

/**
 * Spark spells a JSON number with a fraction as Java does: from 10 million on, and below 0.001, with an exponent, as in
 * 1.23456789E7. Here it is a plain decimal again, where the door takes one. (A string of just this form is taken for a number, too.)
 */
function plainNumber(text: string): string {
  const plain = `regexp_replace(CAST(try_cast(${text} AS DECIMAL(38,10)) AS STRING), ${pattern('\\.?0+$')}, '')`;
  const hasExponent = `contains(${text}, 'E') AND ${matches(text, '-?\\d\\.\\d{1,17}E(\\d{1,2}|-4)')}`;
  return `(CASE WHEN ${hasExponent} THEN ${plain} ELSE ${text} END)`;
}

/** As in domain/values.ts: a decimal, or a number with an exponent that is almost nothing. */
function moneySql(text: string, plain: string): string {
  const type = `DECIMAL(${MONEY_PRECISION},${MONEY_SCALE})`;
  const double = `try_cast(${text} AS DOUBLE)`;
  const isDecimal = `(judged AND NOT contains(${text}, 'e') AND NOT contains(${text}, 'E')) OR ${matches(plain, DECIMAL)}`;
  return `CASE WHEN ${isDecimal} THEN try_cast(${plain} AS ${type})
      WHEN ${matches(text, TINY)} THEN CAST(CASE WHEN abs(${double}) < 5e-${MONEY_SCALE + 1} THEN 0
        WHEN abs(${double}) < 1e-${MONEY_SCALE} THEN sign(${double}) * 1e-${MONEY_SCALE} END AS ${type}) END`;
}

/** The accepted timestamp forms, as in domain/timestamp.ts, in microseconds since 1970. The session has the shop's time zone. */
function timestampSql(text: string, plain: string): string {
  const zoned = `CASE WHEN endswith(${text}, 'Z') THEN ${text}
      WHEN ${text} RLIKE ${pattern('[+-]\\d\\d$')} THEN concat(${text}, ':00')
      WHEN ${text} RLIKE ${pattern('[+-]\\d{4}$')} THEN concat(left(${text}, length(${text}) - 2), ':', right(${text}, 2))
      ELSE ${text} END`;
  const units = (scale: number) => `CAST(floor(try_cast(${plain} AS DECIMAL(38,6)) * ${scale}) AS BIGINT)`;
  const part = (from: number, length: number) => `try_cast(substr(${text}, ${from}, ${length}) AS INT)`;
  return `CASE
      WHEN judged AND ${text} LIKE '____-__-__T__:__:__.___Z' THEN unix_micros(try_cast(${text} AS TIMESTAMP))
      WHEN ${matches(text, ISO_TIME)} THEN unix_micros(try_cast(${zoned} AS TIMESTAMP))
      WHEN ${matches(plain, '\\d{1,10}(\\.\\d{1,6})?')} THEN ${units(1_000_000)}
      WHEN ${matches(plain, '\\d{11,14}(\\.\\d{1,6})?')} THEN ${units(1000)}
      WHEN ${matches(text, '\\d\\d/\\d\\d/\\d{4}')} THEN unix_micros(CAST(make_date(${part(7, 4)}, ${part(1, 2)}, ${part(4, 2)}) AS TIMESTAMP)) END`;
}

interface Rule {
  when: string;
  reason: Reason;
}

/** Why a line is no event, one rule after the other: of those that hold the first decides. */
function rulesOf({ name, kind, required, bytesMax, min, max }: Field): Rule[] {
  const text = textOf(name);
  const value = identifier(`v_${name}`);
  const rules: Rule[] = [];
  if (required)
    rules.push({ when: `${value} IS NULL AND coalesce(${text}, '') = ''`, reason: 'missing_field' });
  if (kind === 'text') rules.push({ when: `octet_length(${text}) > ${bytesMax}`, reason: 'text_too_long' });
  else if (kind === 'timestamp') {
    rules.push(
      { when: `${value} IS NULL`, reason: 'bad_timestamp' },
      { when: `${value} < ${TIMESTAMP_MIN_MS * 1000}`, reason: 'timestamp_out_of_range' },
      { when: `${value} > received_us + ${FUTURE_TOLERANCE_MS * 1000}`, reason: 'timestamp_in_future' },
    );
  } else {
    rules.push({ when: `${value} IS NULL AND ${text} <> ''`, reason: 'bad_number' });
    if (min !== undefined)
      rules.push({ when: `${value} NOT BETWEEN ${min} AND ${max}`, reason: 'number_out_of_range' });
  }
  return rules;
}
