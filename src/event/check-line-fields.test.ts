import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  check,
  checker,
  gradeOf,
  NOW_MS,
  needsNormalizing,
  TIME,
  TYPE,
  textOf,
  withMember,
} from '../../test/support/check-line.ts';
import { FIELDS } from './fields.ts';

test('texts: the limit counts bytes of the decoded text, and what is over it is cut at a character', () => {
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
      const tooLong = field.required || field.name === 'currency' ? `text_too_long:${field.name}` : null;
      for (const more of ['z', '😀']) {
        assert.equal(withMember(field.name, JSON.stringify(`${fits}${more}`)), tooLong);
        if (tooLong) continue;
        assert.equal(textOf(field.name), fits);
        assert.equal(JSON.parse(checker.canonical().toString())[field.name], fits);
        assert.equal(checker.needsNormalizing, true);
      }
    }
    assert.equal(withMember(field.name, `"${'\\u0041'.repeat(max)}"`), null);
    assert.equal(withMember(field.name, '9'.repeat(max)), null);
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
      assert.equal(gradeOf(field.name, JSON.stringify(value)), 'invalid');
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
      assert.equal(gradeOf(field.name, json), 'invalid', json);
    }
    for (const json of ['null', '""']) assert.equal(withMember(field.name, json), null);
  }
  for (const json of ['"\\u0032\\u0030\\u0030"', '"0200"', '"2\\u00300"'])
    assert.equal(withMember('status_code', json), null, json);
  for (const json of ['"\\u0039\\u0039"', '"2\\u000a0"'])
    assert.equal(gradeOf('status_code', json), 'invalid');
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

test('decimals: limits, signs and digits', () => {
  for (const json of ['0.35', '"1.500"', '-1', '1000000000', '-1000000000', '"2.0000"'])
    assert.equal(gradeOf('quantity', json), null, json);
  for (const json of ['1000000000.0001', '-1000000001', '"two"', '[2]', 'true'])
    assert.equal(gradeOf('quantity', json), 'invalid', json);
});

test('booleans are true or absent; items are an array', () => {
  const canonical = () => JSON.parse(checker.canonical().toString());
  for (const name of ['test', 'bot']) {
    for (const json of ['"true"', '1', '{}', '[true]']) assert.equal(gradeOf(name, json), 'invalid', json);
    assert.equal(gradeOf(name, 'true'), null);
    assert.equal(checker.isCanonical && canonical()[name], true);
    assert.equal(gradeOf(name, 'false'), null);
    assert.equal(canonical()[name], undefined);
  }
  for (const json of ['"[]"', '{}', '1', 'true']) assert.equal(gradeOf('items', json), 'invalid', json);
  assert.equal(gradeOf('items', '[{"product_id":"p1"}]'), null);
  assert.deepEqual(canonical().items, [{ product_id: 'p1' }]);
});

test('only time, type and the money of an order reject a line', () => {
  const grade = (type: string, members: string) => {
    const reason = check(`{${TIME},"event_type":"${type}",${members}}`);
    return reason ?? JSON.parse(checker.canonical().toString()).extra?.invalid ?? null;
  };
  for (const type of ['purchase', 'refund', 'Order Completed', 'Order Refunded', '\\u0070urchase']) {
    assert.equal(grade(type, '"amount":"x"'), 'bad_number:amount');
    assert.equal(grade(type, '"price":"gratis"'), 'bad_number:price');
    assert.equal(grade(type, '"price":"gratis","amount":""'), 'bad_number:price');
    assert.deepEqual(grade(type, '"price":"gratis","amount":"39.80"'), { price: 'gratis' });
    assert.equal(grade(type, '"amount":1,"currency":978.5'), 'wrong_type:currency');
    assert.deepEqual(grade(type, '"amount":1,"tax":"x","user_id":[7],"url":1.5'), {
      tax: 'x',
      user_id: [7],
      url: 1.5,
    });
  }
  for (const type of ['view_product', 'checkout'])
    assert.deepEqual(grade(type, '"amount":"x","price":[],"currency":{"a":"é"}'), {
      ...{ amount: 'x', price: [], currency: { a: 'é' } },
    });
});

test('what is unreadable is kept beside what the line has besides', () => {
  check(`{${TIME},${TYPE},"status_code":"200 OK","plan":"gold","extra":{"a":1},"ip":true,"note":"\\u0000"}`);
  assert.deepEqual(JSON.parse(checker.canonical().toString()).extra, {
    ...{ a: 1, plan: 'gold', note: '\u0000', invalid: { status_code: '200 OK', ip: true } },
  });
});

test('lines that need to be read by their values are recognized', () => {
  for (const members of [
    '',
    '"user_id":"u1"',
    '"currency":"EUR"',
    '"product_id":7',
    '"coupon":"none of it"',
    '"category":"Öl für Tür ü"',
  ])
    assert.equal(needsNormalizing(members), false, members);
  for (const members of [
    ...['-', 'null', 'NULL', '\\\\N', 'undefined', 'None', 'nan', 'NaN', '(not set)', '(none)'].map(
      (word) => `"coupon":"${word}"`,
    ),
    ...['0', '-1', 'guest', 'Anonymous'].map((word) => `"user_id":"${word}"`),
    '"visitor_id":0',
    // Until somebody has looked at the name.
    '"plan":1',
    ...['eur', ' EUR', '€', '978', 'EURO'].map((code) => `"currency":"${code}"`),
    ...['" x"', '"x "', '"\\tx"', '"x\\n"', '"x\u00a0"', '"\ufeffx"', '"\u3000x"'].map(
      (json) => `"category":${json}`,
    ),
    ...['userId', 'User Id', 'USER-ID', 'Quantity', 'user\\u0049d'].map((name) => `"${name}":1`),
    '"items":[]',
    '"user_agent":"Mozilla/5.0"',
    '"price":"1","amount":2,"response_time":87.5',
  ])
    assert.equal(needsNormalizing(members), true, members);
  assert.equal(needsNormalizing('"user_agent":"Mozilla/5.0","bot":true'), false);
  for (const type of ['Product Viewed', 'view_product'])
    assert.equal(needsNormalizing('', `"event_type":"${type}"`), false);
  for (const type of ['Purchase', 'view-product', 'view product', 'page_ping'])
    assert.equal(needsNormalizing('', `"event_type":"${type}"`), true);
  check(`{${TYPE},"timestamp":"11/1/2024"}`);
  assert.equal(checker.needsNormalizing, true);
  for (const line of [
    `{${TYPE}}`,
    `{${TYPE},"timestamp":"1 Nov 2024"}`,
    `{${TIME},${TYPE},"user_id":"\\ud83d"}`,
  ]) {
    assert.notEqual(check(line), null);
    assert.equal(checker.needsNormalizing, true, line);
  }
  assert.equal(check(`{${TIME},${TYPE},}`), 'not_json');
  assert.equal(checker.needsNormalizing, false);
});

test('event types and user agents that were found valid are recognized by all of their bytes', () => {
  checker.learn('event_type', 'page_ping');
  assert.equal(needsNormalizing('', '"event_type":"page_ping"'), false);
  assert.equal(needsNormalizing('', '"event_type":"page_pings"'), true);
  const agent = 'Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0 Überbrowser/1';
  const member = (text: string) => `"user_agent":${JSON.stringify(text)}`;
  checker.learn('user_agent', agent);
  assert.equal(needsNormalizing(member(agent)), false);
  for (let at = 0; at < agent.length; at++) {
    const other = `${agent.slice(0, at)}${agent[at] === 'x' ? 'y' : 'x'}${agent.slice(at + 1)}`;
    assert.equal(needsNormalizing(member(other)), true, other);
  }
  const many = Array.from({ length: 9000 }, (_, n) => `agent ${n} of ${'many '.repeat(n % 60)}`);
  for (const text of many) checker.learn('user_agent', text.trim());
  assert.ok(many.filter((text) => !needsNormalizing(member(text.trim()))).length > 1000);
});
