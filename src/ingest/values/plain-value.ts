/** Members by which exports of MongoDB say the type of a value, which is all that the object holds. */
const TYPED = ['$numberLong', '$numberInt', '$numberDouble', '$numberDecimal', '$oid', '$uuid', '$symbol'];

/** The value that an object of MongoDB's Extended JSON stands for, such as `{"$numberLong": "5"}`; others as they are. */
export function plainValue(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  for (const name in value) {
    if (!TYPED.includes(name)) return value;
    return (value as Record<string, unknown>)[name];
  }
  return value;
}
