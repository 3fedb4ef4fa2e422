import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scanTimestamp } from './scan-timestamp.ts';
import { daysInMonth, parseTimestamp } from './timestamp.ts';

const parse = (text: string, zone = 'UTC') => parseTimestamp(text, zone);
const utc = (...parts: [number, number, number, number?, number?, number?, number?]) =>
  Date.UTC(...parts) * 1000;

test('ISO 8601 with a zone', () => {
  const expected = utc(2026, 10, 23, 10, 15, 30);
  for (const text of [
    '2026-11-23T10:15:30Z',
    '2026-11-23 10:15:30Z',
    '2026-11-23T11:15:30+01:00',
    '2026-11-23T11:15:30+0100',
    '2026-11-23T11:15:30+01',
    '2026-11-23T01:45:30-08:30',
    '2026-11-23T10:15:30-00:00',
    '2026-11-24T02:14:30+15:59',
    '2026-11-23T10:15:30.0Z',
    '2026-11-23T10:15:30.000000999Z',
  ])
    assert.equal(parse(text), expected, text);
  assert.equal(parse('2026-11-23T10:15:30.250Z'), expected + 250_000);
  assert.equal(parse('2026-11-23T10:15:30.1234567Z'), expected + 123_456);
  assert.equal(parse('2026-11-23T10:15:30.999999999Z'), expected + 999_999);
});

test('forms that are not accepted are rejected', () => {
  for (const text of [
    '',
    ' ',
    '2026-11-23',
    '2026-11-23T10:15:30',
    '2026-11-23T10:15Z',
    '2026-11-23T10:15:30z',
    '2026-11-23t10:15:30Z',
    '2026-11-23T10:15:30 Z',
    ' 2026-11-23T10:15:30Z',
    '2026-11-23T10:15:30Z\n',
    '2026-1-23T10:15:30Z',
    '12026-11-23T10:15:30Z',
    '+2026-11-23T10:15:30Z',
    '2026/11/23 10:15:30Z',
    '2026-11-23T10:15:30,5Z',
    '2026-11-23T10:15:30.Z',
    '2026-11-23T10:15:30.1234567890Z',
    '2026-11-23T10:15:30+1',
    '2026-11-23T10:15:30+01:0',
    '2026-11-23T10:15:30+01:00:30',
    '2026-11-23T10:15:30 UTC',
    '2026-11-23T10:15:30+16:00',
    '2026-11-23T10:15:30+01:60',
    '23.11.2026',
    '1/2/26',
    '01/02/26',
    '01-02-2026',
    'infinity',
    'epoch',
    '-1',
    '+1',
    '1e9',
    '1.',
    '.5',
    '1.1234567',
    '123456789012345',
    '１',
    '2026-W48-1',
  ])
    assert.equal(parse(text), null, JSON.stringify(text));
});

test('dates and times that do not exist', () => {
  for (const text of [
    '2026-02-29T00:00:00Z',
    '2100-02-29T00:00:00Z',
    '2026-04-31T00:00:00Z',
    '2026-00-01T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-01-00T00:00:00Z',
    '2026-01-32T00:00:00Z',
    '0000-01-01T00:00:00Z',
    '2026-11-23T24:00:00Z',
    '2026-11-23T10:60:00Z',
    '2016-12-31T23:59:60Z',
    '02/29/2026',
    '13/01/2026',
    '00/01/2026',
    '01/00/2026',
    '01/01/0000',
  ])
    assert.equal(parse(text), null, text);
  assert.equal(parse('2024-02-29T00:00:00Z'), utc(2024, 1, 29));
  assert.equal(parse('2000-02-29T00:00:00Z'), utc(2000, 1, 29));
  assert.equal(parse('02/29/2000'), utc(2000, 1, 29));
});

test('the first and the last years', () => {
  const year = (n: number) => new Date(0).setUTCFullYear(n, 0, 1) * 1000;
  assert.equal(parse('0001-01-01T00:00:00Z'), year(1));
  assert.equal(parse('0099-01-01T00:00:00Z'), year(99));
  assert.equal(parse('01/01/0001'), year(1));
  assert.equal(parse('01/01/0099'), year(99), 'not 1999');
  assert.ok(parse('01/01/0070', 'Europe/Berlin')! < 0, 'not 1970');
  assert.equal(parse('9999-12-31T23:59:59Z'), utc(9999, 11, 31, 23, 59, 59));
});

test('seconds and milliseconds since 1970', () => {
  const cases: [string, number][] = [
    ['0', 0],
    ['1764000000', 1_764_000_000_000_000],
    ['1764000000.25', 1_764_000_000_250_000],
    ['1764000000.123456', 1_764_000_000_123_456],
    ['9999999999', 9_999_999_999_000_000],
    ['10000000000', 10_000_000_000_000],
    ['1764000000250', 1_764_000_000_250_000],
    ['1764000000250.5', 1_764_000_000_250_500],
    ['1764000000250.123999', 1_764_000_000_250_123],
    ['1764000000250.0', 1_764_000_000_250_000],
    ['99999999999999', 99_999_999_999_999_000],
    ['0000000001', 1_000_000],
    ['00000000001', 1000],
  ];
  for (const [text, micros] of cases) assert.equal(parse(text), micros, text);
});

test('M/D/YYYY, padded or not, is midnight in the time zone of the shop, month first', () => {
  assert.equal(parse('11/1/2024'), utc(2024, 10, 1));
  assert.equal(parse('1/11/2024'), utc(2024, 0, 11));
  assert.equal(parse('2/9/2024'), utc(2024, 1, 9));
  assert.equal(parse('02/9/2024'), utc(2024, 1, 9));
  for (const text of [
    '13/1/2024',
    '1/32/2024',
    '2/30/2024',
    '0/1/2024',
    '1/0/2024',
    '001/1/2024',
    '1/1/24',
    '1//2024',
  ])
    assert.equal(parse(text), null, text);
  assert.equal(parse('11/23/2026'), utc(2026, 10, 23));
  assert.equal(parse('11/23/2026', 'Europe/Berlin'), utc(2026, 10, 22, 23));
  assert.equal(parse('07/01/2026', 'Europe/Berlin'), utc(2026, 5, 30, 22));
  assert.equal(parse('07/01/2026', 'Asia/Kathmandu'), utc(2026, 5, 30, 18, 15));
});

test('the fast path reads what the slow one reads, or leaves it to that', () => {
  const scan = (text: string) => scanTimestamp(Buffer.from(text), 0, Buffer.byteLength(text));
  const texts: string[] = [];
  for (const year of [
    '0001',
    '1969',
    '1970',
    '1999',
    '2000',
    '2024',
    '2026',
    '2100',
    '2101',
    '9999',
    '20x6',
  ]) {
    for (const date of [
      '01-01',
      '02-28',
      '02-29',
      '02-30',
      '04-31',
      '12-31',
      '13-01',
      '00-10',
      '1-011',
      '06-00',
    ]) {
      for (const time of [
        '00:00:00',
        '23:59:59',
        '24:00:00',
        '10:60:00',
        '10:15:60',
        '10:15',
        '10-15:30',
        'ab:15:30',
      ]) {
        for (const end of [
          'Z',
          '.Z',
          '.1Z',
          '.123Z',
          '.123456Z',
          '.999999999Z',
          '.1234567890Z',
          '.12x4Z',
          '+01:00',
          'z',
          '',
        ]) {
          texts.push(`${year}-${date}T${time}${end}`);
        }
      }
    }
  }
  let fast = 0;
  for (const text of texts) {
    const micros = scan(text);
    if (micros === null) continue;
    fast++;
    assert.equal(micros, parse(text), text);
  }
  assert.ok(fast > 100);
  assert.equal(scan('2026-11-23T10:15:30.250Z'), utc(2026, 10, 23, 10, 15, 30, 250));
});

test('every second day of 1970 to 2100 is read by the fast path', () => {
  for (let ms = 0; ms < Date.UTC(2101, 0, 1); ms += 2 * 86_400_000 + 1_234_567) {
    const text = new Date(ms).toISOString();
    assert.equal(scanTimestamp(Buffer.from(text), 0, text.length), ms * 1000, text);
  }
});

test('days of the month', () => {
  for (let year = 1890; year < 2110; year++) {
    for (let month = 1; month <= 12; month++) {
      assert.equal(daysInMonth(year, month), new Date(Date.UTC(year, month, 0)).getUTCDate());
    }
  }
});
