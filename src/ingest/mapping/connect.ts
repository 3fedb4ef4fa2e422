import { isObject } from '../record-slots.ts';
import { decimalOf, scaled } from './unscaled.ts';

const DECIMAL = 'org.apache.kafka.connect.data.Decimal';
const VARIABLE_DECIMAL = 'io.debezium.data.VariableScaleDecimal';
/** Days since 1970. */
const DAYS = ['org.apache.kafka.connect.data.Date', 'io.debezium.time.Date'];
const DAY_MS = 86_400_000;
/** The last day of the year 9999. */
const DAYS_MAX = 2_932_896;
const DEPTH_MAX = 32;

/** A value of a message of Kafka Connect's JsonConverter with its schema: decimals and days as texts, all else as it is. */
export function connectValue(value: unknown, schema: unknown, depth = 0): unknown {
  if (value === null || value === undefined || !isObject(schema) || depth > DEPTH_MAX) return value;
  const { name, type } = schema;
  if (name === DECIMAL) {
    const scale = isObject(schema.parameters) ? Number(schema.parameters.scale) : Number.NaN;
    return (typeof value === 'string' ? scaled(value, scale) : null) ?? value;
  }
  if (name === VARIABLE_DECIMAL) return decimalOf(value, 0);
  if (DAYS.includes(name as string) && Number.isInteger(value) && Math.abs(value as number) <= DAYS_MAX)
    return new Date((value as number) * DAY_MS).toISOString().slice(0, 10);
  if (type === 'array' && Array.isArray(value))
    return value.map((each) => connectValue(each, schema.items, depth + 1));
  if (!isObject(value) || (type !== 'struct' && type !== 'map')) return value;
  const schemas = new Map<string, unknown>();
  for (const each of Array.isArray(schema.fields) ? schema.fields : [])
    if (isObject(each) && typeof each.field === 'string') schemas.set(each.field, each);
  const read = Object.create(null) as Record<string, unknown>;
  for (const [member, own] of Object.entries(value))
    read[member] = connectValue(own, type === 'map' ? schema.values : schemas.get(member), depth + 1);
  return read;
}
