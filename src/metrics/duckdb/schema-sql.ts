import {
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
  FIELDS,
  INGEST_CLOCK_MS_MAX,
  TIMESTAMP_MIN_MS,
} from '../../event/fields.ts';
import { REASON_CODES } from '../../event/reasons.ts';
import { identifier, quote, stringList } from './database.ts';
import { identityHashSql, newOrderSql, orderHashSql } from './identity-sql.ts';

const ORIGIN = ORIGIN_COLUMNS.map(({ name }) => name);
const VALUE_COLUMNS = EVENT_COLUMNS.filter(({ name }) => !ORIGIN.includes(name));

/** Names of the fields that lines have; null where it is not known. */
export type Fields = ReadonlySet<string> | null;

const IS_FIELD = new Set(FIELDS.map(({ name }) => name));
const hasColumn = (column: string, fields: Fields) =>
  fields === null || !IS_FIELD.has(column) || fields.has(column) || ALWAYS.has(column);

const nullSql = (column: string) => {
  const { duckType } = VALUE_COLUMNS.find(({ name }) => name === column)!;
  return `CAST(NULL AS ${duckType})`;
};

/** Columns of a table of lines that were read: what its rows say, without where they came from. */
export function parsedColumnsSql(fields: Fields): string {
  const values = VALUE_COLUMNS.map(({ name }) =>
    hasColumn(name, fields) ? identifier(name) : `${nullSql(name)} AS ${identifier(name)}`,
  );
  return [...values, 'reason', 'field', 'raw', 'identity', 'order_hash'].join(', ');
}

/** Longest line that is read. Ingest cuts lines at 1 MiB at most, but a marked one can be six times as long by its escapes. */
const LINE_BYTES_MAX = 8 * 1024 * 1024;

const MARK_KEYS = [BAD_MARK, BAD_MARK_FIELD, BAD_MARK_RAW];

/** Types with which canonical lines are read. */
const TYPED_KEYS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(FIELDS.map(({ name, kind }) => [name, kind === 'items' ? 'JSON' : duckTypeOf(kind)])),
  extra: 'JSON',
  ...Object.fromEntries(MARK_KEYS.map((name) => [name, 'VARCHAR'])),
};

/** Fields that every table of lines has a column of. */
const ALWAYS = new Set(['timestamp', 'event_type', 'extra', ...MARK_KEYS]);

/** The keys of lines with these fields; all keys for null. */
const keysOf = (fields: Fields) =>
  Object.entries(TYPED_KEYS).filter(([name]) => fields === null || fields.has(name) || ALWAYS.has(name));

/**
 * Canonical lines of a file, in their order; a line that is none fails the query, or shows in `doubtfulSql`. Of other fields than `fields`
 * the table has no column, which saves a good part of the time: `parsedColumnsSql` gives them.
 */
export function typedFileSql(file: string, fields: Fields): string {
  const columns = keysOf(fields).map(([name, type]) => `${identifier(name)}: ${quote(type)}`);
  return typedSql(
    `read_json(${file}, format = 'newline_delimited', columns = {${columns.join(', ')}},
    maximum_object_size = ${LINE_BYTES_MAX})`,
    fields,
  );
}

/** The same of a text. */
export function typedLinesSql(text: string, fields: Fields): string {
  return typedSql(
    `(SELECT unnest(json_transform(line, ${quote(JSON.stringify(Object.fromEntries(keysOf(fields))))})) FROM
    (SELECT unnest(string_split(${text}, chr(10))) AS line) WHERE line <> '')`,
    fields,
  );
}

function typedSql(rows: string, fields: Fields): string {
  const keys = new Set(keysOf(fields).map(([name]) => name));
  const named = (column: string) => {
    const key = column === EVENT_TIME_COLUMN ? 'timestamp' : column;
    return keys.has(key) ? identifier(key) : nullSql(column);
  };
  const isEvent = `${identifier(BAD_MARK)} IS NULL`;
  const columns = VALUE_COLUMNS.filter(({ name }) => hasColumn(name, fields)).map((column) => {
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
  const latestUs = (maxReceivedAtMs + INGEST_CLOCK_MS_MAX) * 1000;
  return `CASE WHEN reason IS NOT NULL THEN raw IS NULL ELSE event_type IS NULL OR ${EVENT_TIME_COLUMN} IS NULL
      OR ${us} NOT BETWEEN ${TIMESTAMP_MIN_MS * 1000} AND ${latestUs} END`;
}

/** UTC date of an instant. */
const utcDateSql = (time: string) => `make_date(CAST(epoch_us(${time}) // 86400000000 AS INTEGER))`;

/** A list: IN with so many values becomes a join, which every row goes through and which does not keep their order. */
function knownReasonSql(mark: string): string {
  return `CASE WHEN list_contains(${stringList(REASON_CODES)}, ${mark}) THEN ${mark} ELSE 'not_json' END`;
}
