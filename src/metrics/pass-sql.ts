import { FIELDS, INVALID_MEMBER, MONEY_PRECISION, MONEY_SCALE } from '../event/fields.ts';
import { HISTORY_SOURCES } from '../event/history.ts';
import { INVALID_FIELD, LATE_CLASSES, QUANTILE_ERROR } from './definition.ts';
import { DOUBTED, DOUBTS } from './definitions/doubts.ts';
import type { Additive, Pass } from './plan.ts';

/** What differs between the SQL of engines, of single values. */
interface ScalarSql {
  /** Whole minutes since 1970 of a timestamp column. */
  minuteOf(timestamp: string): string;
  /** Whole milliseconds from one timestamp to another. */
  millisecondsBetween(from: string, to: string): string;
  /** Quotient of two whole numbers that are not negative, without its fraction. */
  divide(number: string, by: number): string;
  /** A hash of 63 bits, as a number that is not negative. */
  hash(sql: string): string;
  identifier(name: string): string;
  text(value: string): string;
}

/** The same of lists. */
interface ListSql {
  /** The lines in a JSON text of `items`, as a list of product_id, quantity and price as texts; NULL where there are none to be read. */
  items(json: string): string;
  length(list: string): string;
  /** Whether the object that a JSON object has as a member has one of the members `names`; what is no JSON has none. */
  hasAny(json: string, member: string, names: readonly string[]): string;
  list(items: readonly string[]): string;
  /** Select item that gives a row for each element of a list. */
  explode(list: string): string;
}

/** The SQL of an engine. */
export interface Dialect extends ScalarSql, ListSql {
  types: Readonly<Record<'text' | 'small' | 'minute' | 'count' | 'money' | 'double', string>>;
}

/** Rows that the passes read, by input. */
export type PassInputs = Readonly<Record<Pass['input'], string>>;

/** Ratio of neighbouring bucket bounds of DDSketch for QUANTILE_ERROR. */
export const GAMMA = (1 + QUANTILE_ERROR) / (1 - QUANTILE_ERROR);
/** Bucket of the values that are 0, which has no logarithm. */
export const ZERO_BUCKET = -1;

/** A type of a column, as a dialect names it. */
export type ColumnType = keyof Dialect['types'];

/**
 * Columns of the query of a pass: `m` (start of the slot, minutes since 1970), the keys, and the values of an additive pass,
 * `bucket` and `n` of a histogram, or `h` of a distinct one.
 */
export function passColumns(pass: Pass): Record<string, ColumnType> {
  const keys = pass.keys.map(({ column }) => [column, 'text'] as const);
  return { m: 'minute', ...Object.fromEntries(keys), ...valueColumns(pass) };
}

function valueColumns(pass: Pass): Record<string, ColumnType> {
  switch (pass.kind) {
    case 'additive':
      return Object.fromEntries(pass.values.map(({ column, of }) => [column, additiveType(of)]));
    case 'histogram':
      return { bucket: 'small', n: 'count' };
    case 'distinct':
      return { h: 'count' };
  }
}

/** Type of a count, sum or maximum. */
export function additiveType(of: Additive): ColumnType {
  return of.kind === 'sum' && of.type !== 'integer' ? 'money' : 'count';
}

/** The query of a pass. Its columns are `passColumns`. */
export function passSql(pass: Pass, dialect: Dialect, inputs: PassInputs): string {
  const { identifier, types } = dialect;
  const slot =
    pass.slotMinutes === 1 ? 'minute' : `${dialect.divide('minute', pass.slotMinutes)} * ${pass.slotMinutes}`;
  const groups = [
    { sql: `CAST(${slot} AS ${types.minute})`, name: 'm' },
    ...pass.keys.map(({ column, sql }) => ({
      sql: `coalesce(CAST(${sql} AS ${types.text}), 'unknown')`,
      name: identifier(column),
    })),
  ];
  const from = `FROM ${inputs[pass.input]}`;
  const select = (columns: { sql: string; name: string }[]) =>
    columns.map(({ sql, name }) => `${sql} AS ${name}`).join(', ');
  const by = (columns: unknown[]) => `GROUP BY ${columns.map((_, index) => index + 1).join(', ')}`;
  switch (pass.kind) {
    case 'additive': {
      const values = pass.values.map(({ column, of }) => ({
        sql: additiveSql(of, dialect),
        name: identifier(column),
      }));
      return `SELECT ${select([...groups, ...values])} ${from}${whereSql(pass.where)} ${by(groups)}`;
    }
    case 'histogram': {
      const columns = [...groups, { sql: bucketSql(pass.of, dialect), name: 'bucket' }];
      const n = { sql: `CAST(count(*) AS ${types.count})`, name: 'n' };
      return `SELECT ${select([...columns, n])} ${from}${whereSql(pass.where)} ${by(columns)}`;
    }
    case 'distinct': {
      const columns = [...groups, { sql: dialect.hash(pass.of), name: 'h' }];
      return `SELECT DISTINCT ${select(columns)} ${from}${whereSql(pass.where, `${pass.of} IS NOT NULL`)}`;
    }
  }
}

/** Rows of a table of events that count, as input: `where` leaves out those that don't. */
export function eventsInput(dialect: Dialect, table: string, where?: string): string {
  return `(SELECT *, ${dialect.minuteOf('event_time')} AS minute FROM ${table}${whereSql(where)})`;
}

/** What a line of an order has of its event. */
const OF_EVENT = 'minute, event_type, currency';
const LINE_DECIMAL = `DECIMAL(${MONEY_PRECISION}, ${MONEY_SCALE})`;

/**
 * Rows of `eventsInput` with a row for each line of those with `items`, and the others as they are. What a line is worth is its
 * price times its quantity; the amount of the event is only that of the line where there is one alone.
 */
export function linesInput(dialect: Dialect, events: string): string {
  const lines = dialect.items('items');
  const count = `coalesce(${dialect.length(lines)}, 0)`;
  const decimal = (name: string) => `TRY_CAST(line.${name} AS ${LINE_DECIMAL}) AS ${name}`;
  return `(
    SELECT ${OF_EVENT}, product_id, quantity, price, amount FROM ${events} AS whole
    WHERE CASE WHEN items IS NULL THEN true ELSE ${count} <= 0 END
    UNION ALL
    SELECT ${OF_EVENT}, nullif(line.product_id, '') AS product_id, ${decimal('quantity')}, ${decimal('price')},
      CASE WHEN line_count = 1 THEN amount END AS amount
    FROM (SELECT ${OF_EVENT}, amount, ${count} AS line_count, ${dialect.explode(lines)} AS line
      FROM ${events} AS whole WHERE items IS NOT NULL) AS exploded
  )`;
}

/**
 * Input of the metrics over quality, see metrics/quality.ts: a row for each reason that a row has. `bad` has reason and received_at,
 * `events` received_at, event_time, source, extra, duplicate and what DOUBTS take.
 */
export function qualityInput(dialect: Dialect, { bad, events }: { bad: string; events: string }): string {
  const { text, types } = dialect;
  const minute = `${dialect.minuteOf('received_at')} AS minute`;
  const lateMs = dialect.millisecondsBetween('event_time', 'received_at');
  const isLate = `${lateMs} >= ${LATE_CLASSES[0].fromMs} AND source NOT IN (${HISTORY_SOURCES.map(text).join(', ')})`;
  const classes = [...LATE_CLASSES].reverse();
  const late = classes.map(({ name, fromMs }) => `WHEN ${lateMs} >= ${fromMs} THEN ${text(name)}`).join(' ');
  // Most rows have none, which is known sooner from the text than from its JSON. A shop's own field `invalid` lies there too.
  const fields = FIELDS.map(({ name }) => name);
  const isInvalid = `CASE WHEN extra LIKE '%"${INVALID_MEMBER}"%' THEN ${dialect.hasAny('extra', INVALID_MEMBER, fields)} ELSE false END`;
  const reasons = [
    `CASE WHEN ${isLate} THEN CASE ${late} END END`,
    `CASE WHEN ${isInvalid} THEN ${text(INVALID_FIELD)} END`,
    ...Object.entries(DOUBTS).map(
      ([code, sql]) => `CASE WHEN ${DOUBTED} AND (${sql}) THEN ${text(code)} END`,
    ),
  ];
  const told = `CASE WHEN duplicate THEN ${dialect.list([text('duplicate')])} ELSE ${dialect.list(reasons)} END`;
  return `(
    SELECT ${minute}, reason, CAST(NULL AS ${types.count}) AS corrected FROM ${bad}
    UNION ALL
    SELECT minute, reason, CASE WHEN reason IN (${classes.map(({ name }) => text(name)).join(', ')}) THEN event_minute END
    FROM (SELECT ${minute}, CAST(${dialect.minuteOf('event_time')} AS ${types.count}) AS event_minute, ${dialect.explode(told)} AS reason
      FROM ${events} WHERE duplicate OR (${isLate}) OR ${DOUBTED} OR ${isInvalid}) AS told
    WHERE reason IS NOT NULL
  )`;
}

function whereSql(...conditions: (string | undefined)[]): string {
  const given = conditions.filter((condition) => condition !== undefined);
  return given.length > 0 ? ` WHERE ${given.map((condition) => `(${condition})`).join(' AND ')}` : '';
}

function additiveSql(of: Additive, { types }: Dialect): string {
  const filter = of.where ? ` FILTER (WHERE ${of.where})` : '';
  const value = () => {
    if (of.kind === 'count') return `count(*)${filter}`;
    return of.kind === 'max' ? `max(${of.of})${filter}` : `coalesce(sum(${of.of})${filter}, 0)`;
  };
  return `CAST(${value()} AS ${types[additiveType(of)]})`;
}

function bucketSql(of: string, { types }: Dialect): string {
  const log = (sql: string) => `ln(CAST(${sql} AS ${types.double}))`;
  return `CAST(CASE WHEN ${of} <= 0 THEN ${ZERO_BUCKET} ELSE ceil(${log(of)} / ${log(String(GAMMA))}) END AS ${types.small})`;
}
