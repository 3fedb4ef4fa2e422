import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Finding } from './finding.ts';
import type { Decoded } from './format.ts';
import { LineValidator } from './line-validator.ts';
import { Normalizer } from './normalize.ts';
import type { NormalizeSettingsInput } from './normalize-settings.ts';
import { Observer } from './observer.ts';

/** Helpers of the tests of findings. */
const NOW_MS = Date.UTC(2026, 10, 23);
export type Record_ = Readonly<Record<string, unknown>>;

export interface Example {
  readonly raises: readonly Record_[];
  /** How many rows have the doubt. */
  readonly rows: number;
  /** What the message must name. */
  readonly names: RegExp;
  /** The nearest thing that is right. */
  readonly right: readonly Record_[];
  readonly settings?: NormalizeSettingsInput;
  /** Settles the doubt of the same records. */
  readonly settledBy?: NormalizeSettingsInput;
  readonly currencies?: readonly string[];
}

const SALE = {
  timestamp: '2026-11-01T10:00:00Z',
  event_type: 'purchase',
  amount: '39.80',
  currency: 'EUR',
};
export const VIEW = { timestamp: '2026-11-01T10:00:00Z', event_type: 'view_product' };
export const times = <T>(count: number, make: (n: number) => T) =>
  Array.from({ length: count }, (_, n) => make(n));
export const purchases = (...members: Record_[]) => members.map((each) => ({ ...SALE, ...each }));
export const views = (...members: Record_[]) => members.map((each) => ({ ...VIEW, ...each }));
export function findingsOf(
  records: readonly Record_[],
  { settings = {}, currencies }: Pick<Example, 'settings' | 'currencies'>,
  toPieces: (json: readonly string[]) => Decoded[],
): Finding[] {
  const zone = settings.time_zone ?? 'UTC';
  const validator = new LineValidator({
    normalizer: new Normalizer(settings),
    timeZone: zone,
    lineBytesMax: 100_000,
    storedBytesMax: 200_000,
    now: () => NOW_MS,
  });
  const observer = new Observer({ zone, currencies });
  const { tally, reasons } = validator.validate(
    toPieces(records.map((each) => JSON.stringify(each))),
    observer,
  );
  assert.deepEqual(reasons, {}, 'a finding rejects nothing');
  observer.summarize(tally);
  observer.withdrawals.report(tally);
  return tally.list();
}

export const INPUTS: Record<string, (json: readonly string[]) => Decoded[]> = {
  lines: (json) => [{ kind: 'json', bytes: Buffer.from(`${json.join('\n')}\n`), places: { first: 1 } }],
  records: (json) => [
    {
      kind: 'records',
      records: json.map((text, n) => ({ fields: JSON.parse(text), raw: Buffer.from(text), place: n + 1 })),
    },
  ],
};

/** Each example raises its finding, as lines and as records, and what is right does not. */
export function testFindings(examples: Readonly<Record<string, Example>>): void {
  for (const [code, example] of Object.entries(examples)) {
    for (const [input, toPieces] of Object.entries(INPUTS)) {
      test(`${code} of ${input}: raised, with its rows, and not by what is right`, () => {
        const raised = findingsOf(example.raises, example, toPieces);
        const found = raised.filter((finding) => finding.code === code);
        const most = found.reduce((max, { rows }) => Math.max(max, rows), 0);
        assert.equal(most, example.rows, JSON.stringify(raised));
        assert.match(found[0]!.message, example.names);
        assert.ok(found[0]!.example.length > 0);
        const right = findingsOf(example.right, example, toPieces);
        const alarms = right.filter((finding) => finding.code === code);
        assert.deepEqual(alarms, []);
        if (example.settledBy) {
          const settled = findingsOf(example.raises, { ...example, settings: example.settledBy }, toPieces);
          assert.deepEqual(
            settled.filter((finding) => finding.code === code),
            [],
          );
        }
      });
    }
  }
}
