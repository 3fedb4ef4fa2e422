import type { Dialect } from '../pass-sql.ts';

/** SQL of Spark. */
export const SPARK_DIALECT: Dialect = {
  minuteOf: (timestamp) => `CAST(unix_micros(${timestamp}) div 60000000 AS INT)`,
  millisecondsBetween: (from, to) => `((unix_micros(${to}) - unix_micros(${from})) div 1000)`,
  divide: (number, by) => `${number} div ${by}`,
  hash: (sql) => `shiftrightunsigned(xxhash64(${sql}), 1)`,
  items: (json) => `from_json(${json}, 'array<struct<product_id:string,quantity:string,price:string>>')`,
  length: (list) => `size(${list})`,
  list: (items) => `array(${items.join(', ')})`,
  hasAny: (json, member, names) => {
    const keys = `json_object_keys(get_json_object(${json}, '$.${member}'))`;
    return `coalesce(arrays_overlap(${keys}, array(${names.map(SPARK_DIALECT.text).join(', ')})), false)`;
  },
  explode: (list) => `explode(${list})`,
  identifier: (name) => `\`${name.replaceAll('`', '``')}\``,
  // Spark reads escapes in it.
  text: (value) => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`,
  types: {
    text: 'STRING',
    small: 'SMALLINT',
    minute: 'INT',
    count: 'BIGINT',
    money: 'DECIMAL(38,4)',
    double: 'DOUBLE',
  },
};
