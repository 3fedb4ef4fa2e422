/** A number that may have more digits than a double holds. */
const LONG_NUMBER = /[\d.]{16,}|\d[eE][+-]?\d{3}/;
/** A decimal of so many digits keeps them in a double (C's DBL_DIG). */
const DIGITS_KEPT = 15;

/**
 * The members of a JSON object. Numbers whose digits a double would lose are texts: ids of 20 digits, amounts of 17.
 * `text` must be a valid JSON object.
 */
export function parseRecord(text: string): Record<string, unknown> {
  return LONG_NUMBER.test(text) ? JSON.parse(text, keepDigits) : JSON.parse(text);
}

/** A reviver. `source` is the text of a primitive value (https://github.com/tc39/proposal-json-parse-with-source). */
function keepDigits(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || context?.source === undefined) return value;
  const [digits = ''] = context.source.split(/[eE]/, 1);
  const significant = digits.replace(/[-.]/g, '').replace(/^0+/, '').length;
  return significant <= DIGITS_KEPT && Number.isFinite(value) ? value : context.source;
}
