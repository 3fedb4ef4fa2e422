import assert from 'node:assert/strict';
import { LineChecker } from '../../src/event/check-line.ts';
import { type Normalized, Normalizer } from '../../src/ingest/normalize.ts';
import type { NormalizeSettingsInput } from '../../src/ingest/normalize-settings.ts';
import { isAmountForm } from '../../src/ingest/values/read-money.ts';

const NOW_MS = Date.UTC(2026, 10, 23);
const checker = new LineChecker('UTC');
export const PURCHASE = {
  timestamp: '2024-11-01T10:00:00Z',
  event_type: 'purchase',
  amount: '39.80',
  currency: 'EUR',
};

export interface Event {
  [name: string]: unknown;
  extra?: { [name: string]: unknown; invalid?: Record<string, unknown> };
}

export function normalized(
  record: Record<string, unknown>,
  settings: NormalizeSettingsInput = {},
): Normalized {
  return new Normalizer(settings).normalize(record, NOW_MS);
}

/** The event of a record, which must be one in canonical form. */
export function eventOf(record: Record<string, unknown>, settings: NormalizeSettingsInput = {}): Event {
  const result = normalized(record, settings);
  assert.ok('line' in result, `${JSON.stringify(record)}: ${JSON.stringify(result)}`);
  assert.equal(checker.check(result.line, 0, result.line.length, NOW_MS), null, result.line.toString());
  assert.ok(checker.isCanonical, result.line.toString());
  return JSON.parse(result.line.toString()) as Event;
}

/** "reason field" of a record that is not an event. */
export function rejection(record: Record<string, unknown>, settings: NormalizeSettingsInput = {}): string {
  const result = normalized(record, settings);
  assert.ok('reason' in result, JSON.stringify(result));
  return `${result.reason} ${result.field ?? ''}`.trim();
}

/** Codes and fields of the notes, but for how amounts are written. */
export const notesOf = (record: Record<string, unknown>, settings: NormalizeSettingsInput = {}) =>
  normalized(record, settings)
    .notes.filter(({ code }) => !isAmountForm(code))
    .map(({ code, field }) => `${code} ${field}`);
