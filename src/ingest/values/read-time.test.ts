import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { caseRecords } from '../../../test/support/case-records.ts';
import { formatInstant } from '../../event/timestamp.ts';
import { createTimeReader, type TimeSettings } from './read-time.ts';

const ZONE = 'Europe/Berlin';

/** The instant as ISO 8601, or the reason. */
function read(value: unknown, settings: Partial<TimeSettings> = {}): string {
  const time = createTimeReader({ zone: ZONE, ...settings })(value);
  return typeof time === 'string' ? time : formatInstant(time.micros).replace('.000Z', 'Z');
}

/** What the first words of the note in `session_id` of ts.ndjson stand for; all others are 10:00 UTC on 2024-11-01. */
const EXPECTED: Record<string, string> = {
  '00': '2024-10-31T23:00:00Z',
  '01': '2024-10-31T23:00:00Z',
  '02': '2024-11-01T09:00:00Z',
  '04': '2024-11-01T09:00:00Z',
  '05': '2024-11-01T10:00:00.123456Z',
  '06': '2024-11-01T10:00:00.123456Z',
  '07': '2024-11-01T10:00:00.123456Z',
  '08': '2024-11-01T10:00:00.123456Z',
  11: '2024-11-01T10:00:00.123Z',
  12: '2024-11-01T10:00:00.123Z',
  13: '2024-11-01T10:00:00.123456Z',
  14: '2024-11-01T10:00:00.123456Z',
  15: '2024-11-01T10:00:00.123456Z',
  16: '2024-11-01T10:00:00.123456Z',
  17: '2024-11-01T10:00:00.123Z',
  18: '2024-11-01T10:00:00.123Z',
  19: '2024-11-01T10:00:00.123456Z',
  24: '2024-11-01T04:30:00Z',
  27: '2024-11-02T00:00:00Z',
  28: '2017-01-01T00:00:00Z',
  29: '2024-01-11T08:05:00Z',
  30: '2024-11-01T06:45:00Z',
  31: '2024-11-01T09:00:00Z',
  32: '2024-11-01T09:00:00Z',
  33: '2024-11-01T09:00:00Z',
  34: '2024-10-31T23:00:00Z',
  35: 'timestamp_out_of_range',
  36: 'timestamp_out_of_range',
  37: 'timestamp_out_of_range',
  38: '2024-10-31T23:00:00Z',
  39: '2024-10-31T23:00:00Z',
  41: '2024-11-01T10:00:00.123Z',
  42: '2024-11-01T09:00:00Z',
  43: '2024-11-01T09:00:00Z',
  45: '2024-11-01T09:00:00Z',
  46: '2024-10-31T10:00:00Z',
  48: '2024-11-01T10:00:00.123Z',
  50: '2024-11-01T15:00:00Z',
  51: 'timestamp_out_of_range',
  52: 'timestamp_out_of_range',
  53: 'bad_timestamp',
  54: 'bad_timestamp',
  55: 'date_order',
  56: '2024-01-10T23:00:00Z',
  57: '2024-05-10T22:00:00Z',
  60: 'timestamp_out_of_range',
};

/** The same for db-times.ndjson: those without a zone are read in that of the source. */
const EXPECTED_OF_DATABASE: Record<string, string> = {
  'Postgres timestamp': '2024-11-01T09:00:00.123Z',
  'MySQL datetime': '2024-11-01T09:00:00Z',
  'SQL Server datetime2': '2024-11-01T09:00:00Z',
  BigQuery: '2024-11-01T10:00:00.123Z',
  Snowflake: '2024-11-01T17:00:00Z',
  ClickHouse: '2024-11-01T09:00:00Z',
  SQLite: '2024-11-01T09:00:00Z',
  'Excel DE': '2024-11-01T09:00:00Z',
  'Java LocalDateTime': '2024-11-01T09:00:00Z',
  'Python isoformat naive': '2024-11-01T09:00:00.123456Z',
  'Python time.time()': '2024-11-01T10:00:00.123456Z',
};
const USUAL = '2024-11-01T10:00:00Z';

describe('times', () => {
  it('of databases, languages and logs are the instant that is meant, or rejected', () => {
    const records = caseRecords('ts');
    assert.equal(records.length, 61);
    for (const { timestamp, session_id } of records) {
      const number = String(session_id).slice(0, 2);
      assert.equal(read(timestamp), EXPECTED[number] ?? USUAL, String(session_id));
    }
    for (const { timestamp, session_id } of caseRecords('db-times')) {
      assert.equal(read(timestamp), EXPECTED_OF_DATABASE[String(session_id)] ?? USUAL, String(session_id));
    }
    const python = caseRecords('python-time').map(({ timestamp }) => read(timestamp));
    assert.equal(python.length, 200);
    for (const time of python) assert.match(time, /^2024-11-01T1\d:\d\d:\d\d(\.\d{3,6})?Z$/);
  });

  it('in further writings', () => {
    for (const [value, expected] of [
      ['Fri Nov  1 10:00:00 2024', '2024-11-01T09:00:00Z'],
      ['Fri Nov 01 10:00:00 CET 2024', '2024-11-01T09:00:00Z'],
      ['Fri Nov 01 10:00:00 CST 2024', 'bad_timestamp'],
      ['Friday, 01-Nov-24 10:00:00 GMT', USUAL],
      ['Nov-01-24 10:00:00 GMT', USUAL],
      ['Nov/01/24 10:00:00 GMT', USUAL],
      ['November 1, 24 10:00:00 GMT', USUAL],
      ["Nov 1 '24 10:00:00 GMT", USUAL],
      ["1 Nov '24 10:00:00 GMT", USUAL],
      ['Nov 01 10:00:00', 'bad_timestamp'],
      ['Nov 01, 10:00:00', 'bad_timestamp'],
      ['Nov 01, 10 AM', 'bad_timestamp'],
      ['01 Nov 10:00:00', 'bad_timestamp'],
      ['Nov 1 2024 10:00:00:123AM', '2024-11-01T09:00:00.123Z'],
      ['01-Mär-26', '2026-02-28T23:00:00Z'],
      ['1. Mrz. 2026 10:30', '2026-03-01T09:30:00Z'],
      ['24 de noviembre de 2026 10:30', '2026-11-24T09:30:00Z'],
      ['24 de noviembre del 2026', '2026-11-23T23:00:00Z'],
      ['1er févr. 2026', '2026-01-31T23:00:00Z'],
      ['12 AOÛT 2026 08:00', '2026-08-12T06:00:00Z'],
      ['12 aou\u0302t 2026 08:00', '2026-08-12T06:00:00Z'],
      ['9 septiembre 2026', '2026-09-08T22:00:00Z'],
      ['2026-Dez-24', '2026-12-23T23:00:00Z'],
      ['24 Dezi 2026', 'bad_timestamp'],
      ['24 martes 2026', 'bad_timestamp'],
      ['24 de 2026', 'bad_timestamp'],
      ['2024-11-01 12:00 am', '2024-10-31T23:00:00Z'],
      ['2024-11-01 12:00 PM', '2024-11-01T11:00:00Z'],
      ['2024-11-01 13:00 PM', 'bad_timestamp'],
      ['2024-11-01 06:00:00 America/New_York', USUAL],
      ['2024-11-01T10:00:00[Mars/Olympus]', 'bad_timestamp'],
      ['2024-11-01 10:00:00.123 +0100 CET m=+0.001', '2024-11-01T09:00:00.123Z'],
      ['2024-11-01 10:00:00 +0000 and more', 'bad_timestamp'],
      ['202411011000', '2024-11-01T09:00:00Z'],
      ['20241101100000', '2024-11-01T09:00:00Z'],
      ['20241101100000123', '2024-11-01T09:00:00.123Z'],
      ['2024-02-30', 'bad_timestamp'],
      ['2/30/2024', 'bad_timestamp'],
      ['2023-366', 'bad_timestamp'],
      ['2024-366', '2024-12-30T23:00:00Z'],
      ['0000-00-00 00:00:00', 'bad_timestamp'],
      ['2024-11-01T24:00:01Z', 'bad_timestamp'],
      ['2024-11-01T10:15:60Z', 'bad_timestamp'],
      ['now', 'bad_timestamp'],
      ['1'.repeat(200), 'bad_timestamp'],
      ['1969-12-31T23:59:59-01:00', 'timestamp_out_of_range'],
      [-1730455200, 'timestamp_out_of_range'],
      [Number.NaN, 'bad_timestamp'],
      [true, 'bad_timestamp'],
      [['2024-11-01'], 'bad_timestamp'],
      [{}, 'bad_timestamp'],
      [{ $date: { $numberLong: '1730455200123' } }, '2024-11-01T10:00:00.123Z'],
      [{ $date: 5 }, 'timestamp_out_of_range'],
      [{ seconds: 1730455200, nanos: 123456789 }, '2024-11-01T10:00:00.123456Z'],
      [{ _seconds: 0, _nanoseconds: 0 }, 'timestamp_out_of_range'],
      ['/Date(1730455200123+0100)/', '2024-11-01T10:00:00.123Z'],
      [new Date(1730455200000), USUAL],
      [1730455200123456789n, '2024-11-01T10:00:00.123456Z'],
    ] as const) {
      assert.equal(read(value), expected, String(value));
    }
  });

  it('say what they show of the date order', () => {
    const order = (text: string, dateOrder?: 'mdy' | 'dmy' | 'ymd') => {
      const time = createTimeReader({ zone: 'UTC', dateOrder })(text);
      return typeof time === 'string'
        ? time
        : `${formatInstant(time.micros).slice(0, 10)} ${time.dayMonth ?? ''}`.trim();
    };
    assert.equal(order('5/11/2024'), '2024-05-11 both_small');
    assert.equal(order('5-11-2024', 'dmy'), '2024-11-05 both_small');
    assert.equal(order('5/25/2024'), '2024-05-25 second_over_12');
    assert.equal(order('25/5/2024', 'dmy'), '2024-05-25 first_over_12');
    assert.equal(order('25/5/2024'), 'date_order');
    assert.equal(order('5/25/2024', 'dmy'), 'date_order');
    assert.equal(order('25/25/2024'), 'bad_timestamp');
    assert.equal(order('7/7/2024'), '2024-07-07');
    assert.equal(order('25.5.2024'), '2024-05-25');
    assert.equal(order('5.25.2024'), 'bad_timestamp');
    assert.equal(order('24/5/11', 'ymd'), '2024-05-11');
    assert.equal(order('5/11/24', 'mdy'), '2024-05-11 both_small');
    assert.equal(order('5/11/24'), 'date_order');
    assert.equal(order('5/11/2024', 'ymd'), 'date_order');
  });

  it('have the unit or format of the setting', () => {
    assert.equal(read(45597.41667, { unit: 'excel' }), '2024-11-01T09:00:00.288Z');
    assert.equal(read('45597', { unit: 'excel' }), '2024-10-31T23:00:00Z');
    assert.equal(read(20028, { unit: 'days' }), '2024-10-31T23:00:00Z');
    assert.equal(read(500000, { unit: 's' }), '1970-01-06T18:53:20Z');
    assert.equal(read('1730455200123456', { unit: 'us' }), '2024-11-01T10:00:00.123456Z');
    assert.equal(read(USUAL, { unit: 's' }), USUAL);
    assert.equal(read('1e300', { unit: 'excel' }), 'timestamp_out_of_range');
    assert.equal(read('01|24|11 10h05', { format: "dd'|'yy'|'MM H'h'mm" }), '2024-11-01T09:05:00Z');
    assert.equal(read('01.11.24 10:05 -05:00', { format: 'dd.MM.yy HH:mm ZZ' }), '2024-11-01T15:05:00Z');
    assert.equal(read('2024-11-01', { format: 'dd.MM.yy' }), 'bad_timestamp');
  });

  it('that no zone follows are those of the source, the first of two and past a gap', () => {
    for (const [text, zone, expected] of [
      ['2024-10-27 02:30:00', ZONE, '2024-10-27T00:30:00Z'],
      ['2024-03-31 02:30:00', ZONE, '2024-03-31T01:30:00Z'],
      ['2024-11-03T01:30:00', 'America/New_York', '2024-11-03T05:30:00Z'],
      ['2024-04-07 01:45:00', 'Australia/Lord_Howe', '2024-04-06T14:45:00Z'],
      ['2024-11-01 10:00', 'Asia/Kathmandu', '2024-11-01T04:15:00Z'],
    ] as const) {
      assert.equal(read(text, { zone }), expected, text);
      const time = createTimeReader({ zone })(text);
      assert.ok(typeof time !== 'string' && time.zoneAssumed);
    }
  });

  const micros = fc.integer({ min: 788_918_400_000_000, max: 4_102_444_799_999_999 });

  it('of any instant are read exactly, in each writing that holds it', () => {
    const reader = createTimeReader({ zone: 'UTC' });
    fc.assert(
      fc.property(micros, fc.integer({ min: -15 * 60 - 59, max: 15 * 60 + 59 }), (instant, offsetMinutes) => {
        const iso = formatInstant(instant).replace(/\.(\d{3})Z/, '.$1000Z');
        const digits = iso.slice(0, 19).replace(/\D/g, '');
        const fraction = iso.slice(20, 26);
        const ahead = formatInstant(instant + offsetMinutes * 60_000_000).slice(0, 19);
        const minutes = Math.abs(offsetMinutes);
        const sign = offsetMinutes < 0 ? '-' : '+';
        const zone = [Math.floor(minutes / 60), minutes % 60].map((part) => String(part).padStart(2, '0'));
        const seconds = `${Math.floor(instant / 1_000_000)}.${fraction}`;
        for (const value of [
          iso,
          iso.replace('T', ' ').replace('Z', ''),
          iso.toLowerCase().replace('.', ','),
          `${digits.slice(0, 8)}T${digits.slice(8)}.${fraction}Z`,
          `${ahead}.${fraction} ${sign}${zone.join(':')}`,
          `${ahead}.${fraction}999${sign}${zone.join('')}`,
          seconds,
          String(instant),
          instant,
          `${instant}000`,
          `${Math.floor(instant / 1000)}.${String(instant % 1000).padStart(3, '0')}`,
          { _seconds: Math.floor(instant / 1_000_000), _nanoseconds: Number(`${fraction}000`) },
        ]) {
          const time = reader(value);
          assert.ok(typeof time !== 'string', `${JSON.stringify(value)}: ${JSON.stringify(time)}`);
          assert.equal(time.micros, instant, JSON.stringify(value));
        }
      }),
    );
  });

  it('of any local time show that time in their zone', () => {
    const zones = ['Europe/Berlin', 'America/St_Johns', 'Pacific/Apia', 'Asia/Tehran', 'Africa/Casablanca'];
    fc.assert(
      fc.property(micros, fc.constantFrom(...zones), (instant, zone) => {
        const format = new Intl.DateTimeFormat('en-US', {
          timeZone: zone,
          dateStyle: 'short',
          timeStyle: 'medium',
        });
        const shown = format.format(new Date(Math.floor(instant / 1_000_000) * 1000));
        const time = createTimeReader({ zone, dateOrder: 'mdy' })(shown);
        assert.ok(typeof time !== 'string', shown);
        assert.equal(format.format(new Date(time.micros / 1000)), shown);
        assert.ok(time.micros <= instant);
      }),
    );
  });

  it('never are before 1995 where they are bare numbers, and nothing throws', () => {
    const reader = createTimeReader({ zone: ZONE });
    fc.assert(
      fc.property(
        fc.oneof(fc.double(), fc.integer(), fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n })),
        (number) => {
          for (const value of [number, String(number), { $date: number }, { seconds: number }]) {
            const time = reader(value);
            assert.ok(typeof time === 'string' || time.micros >= 788_900_000_000_000);
          }
        },
      ),
    );
    fc.assert(
      fc.property(
        fc.oneof(fc.anything(), fc.string(), fc.stringMatching(/^[\d:/. TZa-z+-]{0,40}$/)),
        (value) => {
          const time = reader(value);
          assert.ok(typeof time === 'string' || Number.isSafeInteger(time.micros));
        },
      ),
    );
  });

  it('are the same in the usual writing, which is read in a shorter way, and with a blank before it', () => {
    const two = (max: number) => fc.integer({ min: 0, max }).map((n) => String(n).padStart(2, '0'));
    const text = fc
      .tuple(
        fc.integer({ min: 1990, max: 2105 }),
        fc.tuple(two(13), two(32), two(24), two(60), two(60)),
        fc.constantFrom('T', ' ', 't'),
        fc.stringMatching(/^(?:[.,]\d{0,11})?$/),
        fc.constantFrom('', '', '', 'Z', 'z', ' ', 'x'),
      )
      .map(
        ([year, [month, day, hour, minute, second], between, decimals, zone]) =>
          `${year}-${month}-${day}${between}${hour}:${minute}:${second}${decimals}${zone}`,
      );
    const reader = createTimeReader({ zone: ZONE });
    fc.assert(
      fc.property(text, (usual) => assert.deepEqual(reader(usual), reader(` ${usual}`), usual)),
      { numRuns: 3000 },
    );
    assert.equal(read('2026-03-29 02:30:00.25'), read(' 2026-03-29 02:30:00.25'));
    assert.equal(read('2026-10-25 02:30:00'), '2026-10-25T00:30:00Z');
  });
});
