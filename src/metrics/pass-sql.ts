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

/**
 * The query of a pass. Its columns: `m` (start of the slot, minutes since 1970), the keys, and the values of an additive pass,
 * `bucket` and `n` of a histogram, or `h` of a distinct one.
 */
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
 * Input of the metrics over quality, see metrics/quality.ts. `bad` has reason and received_at, `duplicates` received_at,
 * `events` (those that are not duplicates) received_at, event_time, source, extra and what DOUBTS take.
 */
export function qualityInput(
  dialect: Dialect,
  { bad, duplicates, events }: { bad: string; duplicates: string; events: string },
): string {
  const { types } = dialect;
  const minute = `${dialect.minuteOf('received_at')} AS minute`;
  const lateMs = dialect.millisecondsBetween('event_time', 'received_at');
  const classes = [...LATE_CLASSES]
    .reverse()
    .map((late) => `WHEN ${lateMs} >= ${late.fromMs} THEN ${dialect.text(late.name)}`)
    .join(' ');
  // Most rows have none, which is known sooner from the text than from its JSON. A shop's own field `invalid` lies there too.
  const fields = FIELDS.map(({ name }) => name);
  const isInvalid = `CASE WHEN extra LIKE '%"${INVALID_MEMBER}"%' THEN ${dialect.hasAny('extra', INVALID_MEMBER, fields)} ELSE false END`;
  const doubts = Object.entries(DOUBTS).map(
    ([code, sql]) => `CASE WHEN ${sql} THEN ${dialect.text(code)} END`,
  );
  const history = HISTORY_SOURCES.map(dialect.text).join(', ');
  return `(
    SELECT ${minute}, reason, CAST(NULL AS ${types.count}) AS corrected FROM ${bad}
    UNION ALL
    SELECT ${minute}, 'duplicate', CAST(NULL AS ${types.count}) FROM ${duplicates}
    UNION ALL
    SELECT ${minute}, CASE ${classes} END, CAST(${dialect.minuteOf('event_time')} AS ${types.count}) FROM ${events}
    WHERE ${lateMs} >= ${LATE_CLASSES[0].fromMs} AND source NOT IN (${history})
    UNION ALL
    SELECT ${minute}, ${dialect.text(INVALID_FIELD)}, CAST(NULL AS ${types.count}) FROM ${events} WHERE ${isInvalid}
    UNION ALL
    SELECT minute, reason, CAST(NULL AS ${types.count})
    FROM (SELECT ${minute}, ${dialect.explode(dialect.list(doubts))} AS reason FROM ${events} WHERE ${DOUBTED}) AS doubted
    WHERE reason IS NOT NULL
  )`;
}

function whereSql(...conditions: (string | undefined)[]): string {
  const given = conditions.filter((condition) => condition !== undefined);
  return given.length > 0 ? ` WHERE ${given.map((condition) => `(${condition})`).join(' AND ')}` : '';
}

function additiveSql(of: Additive, { types }: Dialect): string {
  const filter = of.where ? ` FILTER (WHERE ${of.where})` : '';
  if (of.kind === 'count') return `CAST(count(*)${filter} AS ${types.count})`;
  if (of.kind === 'max') return `CAST(max(${of.of})${filter} AS ${types.count})`;
  const type = of.type === 'integer' ? types.count : types.money;
  return `CAST(coalesce(sum(${of.of})${filter}, 0) AS ${type})`;
}

function bucketSql(of: string, { types }: Dialect): string {
  const log = (sql: string) => `ln(CAST(${sql} AS ${types.double}))`;
  return `CAST(CASE WHEN ${of} <= 0 THEN ${ZERO_BUCKET} ELSE ceil(${log(of)} / ${log(String(GAMMA))}) END AS ${types.small})`;
}
