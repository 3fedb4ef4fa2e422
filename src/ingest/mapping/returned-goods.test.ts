import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Normalizer } from '../normalize.ts';
import { compileMapping } from './compile.ts';
import { mappingSchema } from './schema.ts';

test('the word of a return of goods is known where a mapping makes a refund of it', () => {
  const values = { Retoure: 'refund', Gutschrift: 'refund', Auftrag: 'purchase' };
  const { map, settings } = compileMapping(
    'test',
    mappingSchema.parse({
      fields: { timestamp: 'at', event_type: { from: 'Art', values }, amount: 'Summe' },
    }),
  );
  const normalizer = new Normalizer(settings);
  const noted = (Art: string) => {
    const { fields } = map({ at: '2026-11-20T09:00:00Z', Art, Summe: '7.50' }).events[0]!;
    const { notes } = normalizer.normalize(fields, Date.UTC(2026, 10, 23));
    return notes.filter(({ code }) => code === 'goods_returned').map(({ field }) => field);
  };
  assert.deepEqual(noted('Retoure'), ['Retoure']);
  assert.deepEqual(noted('retoure'), ['retoure']);
  assert.deepEqual(noted('Gutschrift'), []);
  assert.deepEqual(noted('Auftrag'), []);
});
