import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EVENT_TYPE_ALIASES, FIELDS, FUNNEL_STEPS } from '../../event/fields.ts';
import { FIELD_ALIASES, foldName, targetOf } from '../names.ts';
import { EVENT_TYPE_BY_FOLDED, EVENT_TYPES, foldEventType } from './event-types.ts';
import { createEventTypeReader } from './read-event-type.ts';

describe('event types', () => {
  it('have one meaning for each name', () => {
    const meanings = new Map<string, string>();
    for (const { name, aliases } of EVENT_TYPES) {
      for (const alias of [name, ...Object.values(aliases).flat()]) {
        const folded = foldEventType(alias);
        assert.notEqual(folded, '');
        assert.equal(meanings.get(folded) ?? name, name, `${alias} stands for two types`);
        meanings.set(folded, name);
      }
    }
    for (const [alias, name] of Object.entries(EVENT_TYPE_ALIASES)) {
      assert.equal(meanings.get(foldEventType(alias)) ?? name, name, alias);
      assert.ok(EVENT_TYPES.some((type) => type.name === name));
    }
    for (const step of FUNNEL_STEPS) assert.equal(EVENT_TYPE_BY_FOLDED.get(foldEventType(step)), step);
  });

  it('are found in any spelling, and in that of the source first', () => {
    const read = createEventTypeReader({ Bestellung: 'purchase', view: 'Page View', odd: 'my_own' });
    for (const { name } of EVENT_TYPES) {
      const words = name.split('_');
      const camel = words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('');
      for (const spelling of [name.toUpperCase(), camel, words.join(' '), words.join('-'), `$${name}`]) {
        assert.deepEqual(read(spelling), { name, isKnown: true, nearest: null }, spelling);
      }
    }
    assert.equal(read('BESTELLUNG').name, 'purchase');
    assert.equal(read('view').name, 'view_page');
    assert.deepEqual(read('odd'), { name: 'my_own', isKnown: true, nearest: null });
    assert.deepEqual(read('purchse'), { name: 'purchse', isKnown: false, nearest: 'purchase' });
    assert.deepEqual(read('Spin The Wheel'), { name: 'Spin The Wheel', isKnown: false, nearest: null });
  });
});

describe('names of fields', () => {
  it('stand for one field each', () => {
    const fields = new Map<string, string>(FIELDS.map(({ name }) => [foldName(name), name]));
    for (const [field, aliases] of Object.entries(FIELD_ALIASES)) {
      assert.ok(
        FIELDS.some(({ name }) => name === field),
        field,
      );
      for (const alias of aliases) {
        assert.equal(fields.get(foldName(alias)), undefined, `${alias} stands for two fields`);
        fields.set(foldName(alias), field);
      }
    }
  });

  it('are found in any spelling, the exact one first', () => {
    for (const [index, { name }] of FIELDS.entries()) {
      const camel = name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
      assert.deepEqual(targetOf(name), { index, rank: 0, nearest: null });
      for (const spelling of [
        name.toUpperCase(),
        name.replaceAll('_', '-'),
        ` ${name.replaceAll('_', ' ')}\ufeff`,
      ]) {
        assert.deepEqual(
          targetOf(spelling),
          { index, rank: name === spelling ? 0 : 1, nearest: null },
          spelling,
        );
      }
      assert.equal(targetOf(camel).index, index);
    }
    assert.equal(targetOf('customerId').rank, 2);
    assert.equal(targetOf('amuont').nearest, 'amount');
    assert.equal(targetOf('note').nearest, null);
    for (const name of ['__proto__', 'constructor', 'toString', '']) assert.equal(targetOf(name).index, -1);
  });
});
