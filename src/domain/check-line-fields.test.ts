import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NOW_MS, textOf, withMember } from '../../test/support/check-line.ts';
import { FIELDS } from './fields.ts';

test('texts: the limit counts bytes of the decoded text', () => {
  for (const field of FIELDS) {
    if (field.kind !== 'text') continue;
    const max = field.bytesMax!;
    for (const unit of ['x', 'é', '€', '😀', '"']) {
      const bytes = Buffer.byteLength(unit);
      const fits = unit
        .repeat(Math.floor(max / bytes))
        .padEnd(Math.floor(max / bytes) * unit.length + (max % bytes), 'y');
      assert.equal(Buffer.byteLength(fits), max);
      assert.equal(withMember(field.name, JSON.stringify(fits)), null);
      assert.equal(textOf(field.name), fits);
      assert.equal(withMember(field.name, JSON.stringify(`${fits}z`)), `text_too_long:${field.name}`);
    }
    assert.equal(withMember(field.name, `"${'\\u0041'.repeat(max)}"`), null);
    assert.equal(withMember(field.name, `"${'\\u0041'.repeat(max + 1)}"`), `text_too_long:${field.name}`);
    assert.equal(withMember(field.name, '9'.repeat(max)), null);
    assert.equal(withMember(field.name, '9'.repeat(max + 1)), `text_too_long:${field.name}`);
    assert.equal(withMember(field.name, '""'), field.required ? `missing_field:${field.name}` : null);
  }
});

test('whole numbers are texts as they are written', () => {
  for (const [json, text] of [
    ['7', '7'],
    ['-7', '-7'],
    ['0', '0'],
    ['-0', '0'],
    ['12345678901234567890123', '12345678901234567890123'],
  ]) {
    assert.equal(withMember('user_id', json!), null);
    assert.equal(textOf('user_id'), text!);
  }
});

test('integers: limits, forms and spellings', () => {
  for (const field of FIELDS) {
    if (field.kind !== 'integer') continue;
    const [min, max] = [field.min!, field.max!];
    for (const value of [min, max, String(min), String(max)])
      assert.equal(withMember(field.name, JSON.stringify(value)), null);
    for (const value of [min - 1, max + 1, String(min - 1), String(max + 1), 999_999_999_999_999]) {
      assert.equal(withMember(field.name, JSON.stringify(value)), `number_out_of_range:${field.name}`);
    }
    for (const json of [
      '1.5',
      '1.0',
      '1e2',
      '1E2',
      '"1.5"',
      '" 1"',
      '"1 "',
      '"+1"',
      '"1_0"',
      '"0x1"',
      '"-"',
      '"--1"',
      '"x"',
      '1000000000000000',
      '"1000000000000000"',
      '"١"',
    ]) {
      assert.equal(withMember(field.name, json), `bad_number:${field.name}`, json);
    }
    for (const json of ['null', '""']) assert.equal(withMember(field.name, json), null);
  }
  for (const json of ['"\\u0032\\u0030\\u0030"', '"0200"', '"2\\u00300"'])
    assert.equal(withMember('status_code', json), null, json);
  assert.equal(withMember('status_code', '"\\u0039\\u0039"'), 'number_out_of_range:status_code');
  assert.equal(withMember('status_code', '"2\\u000a0"'), 'bad_number:status_code');
  assert.equal(withMember('quantity', '-0'), null);
});

test('money: numbers and texts', () => {
  for (const json of [
    '19.90',
    '"19.90"',
    '-3',
    '0',
    '1e3',
    '5.684341886080802e-14',
    '"\\u0031.5"',
    '99999999999999.99',
    '"99999999999999.9999"',
    'null',
    '""',
  ]) {
    assert.equal(withMember('price', json), null, json);
  }
  for (const json of [
    '"19,90"',
    '"EUR 5"',
    '".5"',
    '"5."',
    '"+5"',
    '" 5"',
    '"1e3"',
    '1e400',
    '1e21',
    '"NaN"',
  ]) {
    assert.equal(withMember('price', json), 'bad_number:price', json);
  }
  for (const json of [
    '100000000000000',
    '"-100000000000000"',
    '"99999999999999.99995"',
    '123456789012345678901234567890',
  ]) {
    assert.equal(withMember('price', json), 'number_out_of_range:price', json);
  }
});

test('timestamps: what is accepted, and the limits of time', () => {
  const at = (ms: number) => JSON.stringify(new Date(ms).toISOString());
  for (const json of [
    '"2026-11-23T10:15:30.250Z"',
    '"2026-11-23 11:15:30+01:00"',
    '1764000000',
    '1764000000.5',
    '"1764000000250"',
    '1764000000250.0',
    '"11/23/2026"',
    '0',
    at(0),
    at(NOW_MS + 300_000),
    '"\\u0032026-11-23T10:15:30Z"',
  ]) {
    assert.equal(withMember('timestamp', json), null, json);
  }
  for (const json of [
    '"2026-11-23T10:15:30"',
    '"2026-02-30T10:15:30Z"',
    '"yesterday"',
    '-1',
    '1e400',
    '" 2026-11-23T10:15:30Z"',
    '999999999999999',
  ]) {
    assert.equal(withMember('timestamp', json), 'bad_timestamp:timestamp', json);
  }
  for (const json of [
    at(-1),
    '"0001-01-01T00:00:00Z"',
    '"01/01/0099"',
    '"1970-01-01T00:30:00+01:00"',
    '"01/01/1970"',
  ]) {
    assert.equal(withMember('timestamp', json), 'timestamp_out_of_range:timestamp', json);
  }
  for (const json of [
    at(NOW_MS + 300_001),
    '"2026-11-23T12:05:00.000001Z"',
    '"9999-12-31T23:59:59Z"',
    '99999999999999',
    '"11/24/2026"',
  ]) {
    assert.equal(withMember('timestamp', json), 'timestamp_in_future:timestamp', json);
  }
});
