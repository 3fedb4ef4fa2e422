import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const CASES = join(import.meta.dirname, '../fixtures/cases');

/** JSON text as a record: a whole number that a double can't hold is a text, as formats give it. */
export function recordOf(json: string): Record<string, unknown> {
  return JSON.parse(json, (_, value: unknown, context?: { source?: string }) =>
    typeof value === 'number' && /^-?\d+$/.test(context?.source ?? '') && !Number.isSafeInteger(value)
      ? context!.source
      : value,
  ) as Record<string, unknown>;
}

/** The records of an NDJSON file in test/fixtures/cases. */
export function caseRecords(name: string): Record<string, unknown>[] {
  return readFileSync(join(CASES, `${name}.ndjson`), 'utf8')
    .trim()
    .split('\n')
    .map(recordOf);
}
