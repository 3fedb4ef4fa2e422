import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type NormalizeSettingsInput, settingsSchema } from '../ingest/normalize-settings.ts';
import type { MappingSettings } from './mapping-settings.ts';

/** Fails to compile where the two differ. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;

test('the published type of settings is that of the schema', () => {
  const isSame: Same<Required<MappingSettings>, Required<NormalizeSettingsInput>> = true;
  // Optional members that one of them lacks would pass the above.
  const names: Record<keyof NormalizeSettingsInput, true> & Record<keyof MappingSettings, true> = {
    time_zone: true,
    date_order: true,
    time_unit: true,
    time_format: true,
    decimal: true,
    dollar: true,
    currency: true,
    minor_units: true,
    event_types: true,
    null_words: true,
    null_users: true,
    order_lines: true,
    mark_bots: true,
    has_quantity: true,
  };
  assert.ok(isSame);
  assert.deepEqual(Object.keys(names).sort(), Object.keys(settingsSchema.shape).sort());
});
