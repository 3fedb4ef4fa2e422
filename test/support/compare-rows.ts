import assert from 'node:assert/strict';
import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import { DISTINCT_ERROR, DISTINCT_EXACT_MAX, QUANTILE_ERROR } from '../../src/metrics/definition.ts';
import type { MetricRow } from '../../src/metrics/metrics-store.ts';
import type { AllRows } from './metrics-harness.ts';

/** Rounding of doubles on top of a stated error. */
const ROUNDING = 1e-9;

/**
 * Compares all rows with what they must be: quantiles within the stated error, distinct counts exactly as long as they are
 * promised exact, everything else to the last digit.
 */
export function assertRows(actual: AllRows, expected: AllRows): void {
  for (const metric of CATALOGUE) {
    const kinds = new Map(Object.entries(metric.values).map(([name, { kind }]) => [name, kind]));
    for (const window of metric.windows) {
      const [found, wanted] = [actual[metric.name]![window]!, expected[metric.name]![window]!];
      const place = `${metric.name} ${window}`;
      const identity = ({ start, ...row }: MetricRow) =>
        [start, ...metric.keys.map((key) => row[key.name])].join(' | ');
      assert.deepEqual(found.map(identity), wanted.map(identity), place);
      for (const [i, row] of wanted.entries()) {
        assert.deepEqual(Object.keys(found[i]!).sort(), Object.keys(row).sort(), place);
        for (const [name, value] of Object.entries(row)) {
          const got = found[i]![name];
          const about = `${place} ${identity(row)}: ${name} is ${got}, not ${value}`;
          const error =
            kinds.get(name) === 'quantile'
              ? QUANTILE_ERROR
              : isEstimate(kinds.get(name), value)
                ? DISTINCT_ERROR
                : 0;
          if (error === 0) assert.ok(got === value, about);
          else assert.ok(Math.abs(Number(got) - Number(value)) <= Number(value) * (error + ROUNDING), about);
        }
      }
    }
  }
}

function isEstimate(kind: string | undefined, value: string | number | null): boolean {
  return kind === 'distinct' && Number(value) > DISTINCT_EXACT_MAX;
}

/** The rows as text, always the same for the same rows: doubles with nine digits, a row per line. */
export function canonicalJson(rows: AllRows): string {
  const metrics = Object.entries(rows).map(([metric, windows]) => {
    const lists = Object.entries(windows).map(
      ([window, list]) =>
        `  ${JSON.stringify(window)}: [${list!.map((row) => `\n   ${rowJson(row)}`).join(',')}\n  ]`,
    );
    return ` ${JSON.stringify(metric)}: {\n${lists.join(',\n')}\n }`;
  });
  return `{\n${metrics.join(',\n')}\n}\n`;
}

function rowJson(row: MetricRow): string {
  return JSON.stringify(row, (_, value) =>
    typeof value === 'number' ? Number(value.toPrecision(9)) : value,
  );
}
