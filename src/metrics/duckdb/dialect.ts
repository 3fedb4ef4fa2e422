import type { Dialect } from '../pass-sql.ts';
import { identifier, quote } from './database.ts';

/** SQL of DuckDB. */
export const DUCKDB_DIALECT: Dialect = {
  minuteOf: (timestamp) => `CAST(epoch_us(${timestamp}) // 60000000 AS INTEGER)`,
  millisecondsBetween: (from, to) => `((epoch_us(${to}) - epoch_us(${from})) // 1000)`,
  divide: (number, by) => `${number} // ${by}`,
  hash: (sql) => `CAST(hash(${sql}) >> 1 AS BIGINT)`,
  identifier,
  items: (json) =>
    `TRY(from_json(${json}, '[{"product_id":"VARCHAR","quantity":"VARCHAR","price":"VARCHAR"}]'))`,
  length: (list) => `len(${list})`,
  list: (items) => `[${items.join(', ')}]`,
  hasAny: (json, member, names) =>
    `coalesce(list_has_any(TRY(json_keys(CAST(${json} AS JSON), '$.${member}')), [${names.map(quote).join(', ')}]), false)`,
  explode: (list) => `unnest(${list})`,
  text: quote,
  types: {
    text: 'VARCHAR',
    small: 'SMALLINT',
    minute: 'INTEGER',
    count: 'BIGINT',
    money: 'DECIMAL(38,4)',
    double: 'DOUBLE',
  },
};
