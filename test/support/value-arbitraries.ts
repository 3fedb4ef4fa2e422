import fc from 'fast-check';
import { DEPTH_MAX, EVENT_TYPE_ALIASES, type Field } from '../../src/event/fields.ts';

/** Values as clients send them: texts, numbers, times and JSON in every spelling, and what only looks like one. */

export const pick = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
export const often = <T>(usual: fc.Arbitrary<T>, rare: fc.Arbitrary<T>, ratio = 9): fc.Arbitrary<T> =>
  fc.oneof({ weight: ratio, arbitrary: usual }, { weight: 1, arbitrary: rare });
const digits = (min: number, max: number) =>
  fc.array(fc.integer({ min: 0, max: 9 }), { minLength: min, maxLength: max }).map((list) => list.join(''));
const two = (min: number, max: number) => fc.integer({ min, max }).map((n) => String(n).padStart(2, '0'));

const character = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)) },
  { weight: 2, arbitrary: pick('"', '\\', '/', '\b', '\f', '\n', '\r', '\t', '\u0001', '\u001f', '\u007f') },
  {
    weight: 2,
    arbitrary: pick('é', 'ß', '€', '\u2028', '\u00a0', '\ufeff', '\uffff', '😀', '𝄞', '\u{10ffff}'),
  },
);
export const shortText = fc.array(character, { maxLength: 12 }).map((list) => list.join(''));

/** Spells a text as a JSON string: each character raw where JSON allows it, or escaped. */
function spelled(text: string, escaping: number): string {
  let out = '"';
  let turn = escaping;
  for (const char of text) {
    turn = (turn * 31 + 7) % 101;
    const code = char.charCodeAt(0);
    if (escaping > 0 && turn < escaping) {
      for (let i = 0; i < char.length; i++) {
        const hex = char.charCodeAt(i).toString(16).padStart(4, '0');
        out += `\\u${turn % 2 ? hex.toUpperCase() : hex}`;
      }
    } else if (char === '/' && turn % 3 === 0) out += '\\/';
    else out += code < 0x20 || char === '"' || char === '\\' ? JSON.stringify(char).slice(1, -1) : char;
  }
  return `${out}"`;
}

const spelling = often(fc.constant(0), fc.integer({ min: 1, max: 100 }), 6);
export const jsonString = (text: fc.Arbitrary<string>) =>
  fc.tuple(text, spelling).map(([t, e]) => spelled(t, e));

const plainNumber = fc
  .tuple(
    pick('', '', '-'),
    often(digits(1, 4), digits(1, 45)),
    often(fc.constant(''), digits(1, 8), 2),
    pick('', '', '', 'e1', 'E-2', 'e+3', 'e400', 'e-400', 'e-7', 'e-5', 'e21'),
  )
  .map(([sign, whole, fraction, exponent]) => {
    const stripped = whole.replace(/^0+(?=\d)/, '');
    return `${sign}${stripped}${fraction && `.${fraction}`}${exponent}`;
  });
const oddNumber = pick(
  '-0',
  '0',
  '-0.0',
  '0e5',
  '5e-5',
  '4.9e-5',
  '4.9999999999999996e-5',
  '0.00005',
  '0.00004999999999999999',
  '-5e-5',
  '1e-4',
  '9.99e-5',
  '5.684341886080802e-14',
  '1e400',
  '-1e400',
  '1e-400',
  '1.0',
  '87.0',
  '1.5e2',
  '1e15',
  '1e16',
  '1e20',
  '1e21',
  '1e22',
  '9007199254740993',
  '18446744073709551616',
  '99999999999999.9999',
  '99999999999999.99994',
  '99999999999999.99995',
  '100000000000000',
  '12345678901234.5678',
  '0.1e1',
  '5e-324',
  '1.7976931348623157e308',
  '1.7976931348623159e308',
  '123456789012345',
  '1234567890123456',
  '2147483647',
  '2147483648',
  '1000000000',
  '1000000001',
  '86400000',
  '86400001',
  '99',
  '100',
  '599',
  '600',
  '-1',
);
const number = often(plainNumber, oddNumber, 2);
const notNumber = pick(
  'NaN',
  'nan',
  'Infinity',
  '-Infinity',
  'inf',
  '+1',
  '01',
  '-01',
  '.5',
  '5.',
  '1e',
  '1e+',
  '0x1F',
  '1_000',
  '--1',
  '-',
  '1.e3',
  '１',
);
const numberText = pick(
  '+5',
  ' 5',
  '5 ',
  '.5',
  '5.',
  '1_000',
  '0x1F',
  '007',
  '-0',
  '1e3',
  '1.5e2',
  '1e-7',
  '5E-5',
  '',
  ' ',
  'NaN',
  'inf',
  '19,90',
  '1.2.3',
  '--1',
  '٣',
  '0e-1',
);

export const anyJson: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: false },
    { weight: 3, arbitrary: jsonString(shortText) },
    { weight: 3, arbitrary: number },
    { weight: 2, arbitrary: pick('true', 'false', 'null', '{}', '[]', '[ ]', '{ }') },
    { weight: 1, arbitrary: fc.array(tie('value'), { maxLength: 4 }).map((list) => `[${list.join(', ')}]`) },
    {
      weight: 1,
      arbitrary: fc
        .array(fc.tuple(jsonString(pick('a', 'b', '', 'timestamp', '__proto__', 'é')), tie('value')), {
          maxLength: 4,
        })
        .map((list) => `{${list.map(([key, value]) => `${key}:${value}`).join(' ,')}}`),
    },
  ),
})).value;

export const nested = fc
  .tuple(fc.integer({ min: DEPTH_MAX - 3, max: DEPTH_MAX + 1 }), fc.boolean(), pick('1', '', '"x"'))
  .map(([depth, arrays, inner]) =>
    arrays
      ? '['.repeat(depth) + inner + ']'.repeat(depth)
      : `${'{"a":'.repeat(depth)}${inner || '{}'}${'}'.repeat(depth)}`,
  );

const zone = pick('Z', 'Z', 'Z', '+00:00', '-00:00', '+01:00', '-0830', '+05', '+14:00', '-12:00', '+15:59');
export const isoTime = fc
  .tuple(
    fc.integer({ min: 1970, max: 2026 }),
    two(1, 12),
    two(1, 28),
    pick('T', 'T', ' '),
    two(0, 23),
    two(0, 59),
    two(0, 59),
    often(digits(3, 3), digits(0, 9), 2),
    zone,
  )
  .map(
    ([year, month, day, t, h, m, s, fraction, z]) =>
      `${year}-${month}-${day}${t}${h}:${m}:${s}${fraction && `.${fraction}`}${z}`,
  );
const wildTime = fc
  .tuple(
    pick('0000', '0001', '1600', '1969', '1970', '2000', '2100', '9999', '12026', '226'),
    two(0, 13),
    two(0, 32),
    pick('T', ' ', 't', '', '  '),
    two(0, 25),
    two(0, 61),
    two(0, 61),
    often(fc.constant(''), digits(0, 12), 1),
    pick(
      'Z',
      'z',
      '',
      ' Z',
      '+16:00',
      '+1',
      '+01:60',
      '+01:0',
      '+01:00:30',
      ' UTC',
      ' Europe/Berlin',
      '−01:00',
      '+99:00',
    ),
  )
  .map(
    ([year, month, day, t, h, m, s, fraction, z]) =>
      `${year}-${month}-${day}${t}${h}:${m}:${s}${fraction && `.${fraction}`}${z}`,
  );
/** A number of one or two digits, with or without a leading zero. */
const padded = (min: number, max: number) =>
  fc.oneof(two(min, max), fc.integer({ min, max }).map(String), pick('001', '0', '00', ''));
const slashDate = fc
  .tuple(
    padded(1, 12),
    padded(1, 31),
    often(
      fc.integer({ min: 1970, max: 2026 }).map(String),
      pick('0001', '0070', '0099', '9999', '26', '02026'),
    ),
  )
  .map((parts) => parts.join('/'));
const oddTime = pick(
  '2026-02-29T00:00:00Z',
  '2024-02-29T00:00:00Z',
  '2000-02-29T00:00:00Z',
  '2100-02-29T00:00:00Z',
  '2016-12-31T23:59:60Z',
  '2026-11-23',
  '2026-11-23T10:15Z',
  '2026-11-23T24:00:00Z',
  '2026-1-23T10:15:30Z',
  ' 2026-11-23T10:15:30Z',
  '2026-11-23T10:15:30Z ',
  '2026-11-23T10:15:30',
  '2026/11/23 10:15:30Z',
  '2026-11-23T10:15:30.Z',
  '2026-11-22T 1:15:30.250Z',
  '2026-11-22T\t1:15:30.250Z',
  '2026-11-22T1 :15:30.250Z',
  '2026-11-22T24:00:00.000Z',
  '2026-11-22T23:59:59.999Z',
  '2026-11-22T10:15:60.250Z',
  '2026-02-30T10:15:30.250Z',
  ' 026-11-22T10:15:30.250Z',
  '-026-11-22T10:15:30.250Z',
  '２026-11-22T10:15:30.250Z',
  '2026-11-22T10:15:30.25eZ',
  'infinity',
  '-infinity',
  'epoch',
  'now',
  'today',
  '1970-01-01T00:00:00Z',
  '1969-12-31T23:59:59.999999Z',
  '1970-01-01T00:00:00+01:00',
  '1970-01-01 (BC)',
  '44-01-01 BC',
  '1/2/2026',
  ' 1/2/2026',
  '1/ 2/2026',
  '1//2026',
  '1/2/2026/3',
  '+1/2/2026',
  '13/01/2026',
  '01/02/26',
  '00/10/2026',
  '02/30/2026',
  '01-02-2026',
  '2026-W48-1T00:00:00Z',
  '20261123T101530Z',
  '2026-11-23T10:15:30,5Z',
  '２０２６-11-23T10:15:30Z',
);
const epoch = fc.oneof(
  fc
    .tuple(fc.integer({ min: 0, max: 1_790_000_000 }), often(fc.constant(''), digits(1, 8), 1))
    .map(([s, f]) => `${s}${f && `.${f}`}`),
  fc
    .tuple(
      fc.integer({ min: 1_000_000_000_000, max: 1_790_000_000_000 }),
      often(fc.constant(''), digits(1, 8), 1),
    )
    .map(([s, f]) => `${s}${f && `.${f}`}`),
  pick(
    '1e9',
    '1.7e9',
    '1.7e12',
    '1700000000000.0',
    '1700000000.0',
    '0',
    '-1',
    '-0',
    '99999999999999',
    '999999999999999',
    '1e400',
    '10000000000',
    '9999999999',
    '17e8',
  ),
);
const timestampText = fc.oneof(
  { weight: 6, arbitrary: isoTime },
  { weight: 1, arbitrary: wildTime },
  { weight: 2, arbitrary: slashDate },
  { weight: 1, arbitrary: oddTime },
  { weight: 2, arbitrary: epoch },
);

function textFor(field: Field): fc.Arbitrary<string> {
  const max = field.bytesMax!;
  const long = fc
    .tuple(fc.integer({ min: max - 4, max: max + 2 }), pick('x', 'é', '€', '😀', '"'))
    .map(
      ([bytes, unit]) =>
        unit.repeat(Math.ceil(bytes / Buffer.byteLength(unit))) + 'y'.repeat(bytes % Buffer.byteLength(unit)),
    );
  const special =
    field.name === 'event_type'
      ? pick(...Object.keys(EVENT_TYPE_ALIASES), 'Product  Viewed', 'purchase')
      : shortText;
  return fc.oneof(
    { weight: 8, arbitrary: shortText },
    { weight: 2, arbitrary: special },
    { weight: 1, arbitrary: long },
  );
}

const items = fc
  .array(
    fc
      .array(fc.tuple(pick('product_id', 'name', 'category', 'quantity', 'price', 'sku'), anyJson), {
        maxLength: 4,
      })
      .map((members) => new Map(members)),
    { maxLength: 3 },
  )
  .map(
    (lines) =>
      `[${lines.map((line) => `{${[...line].map(([name, value]) => `"${name}":${value}`).join(',')}}`).join(',')}]`,
  );

export function valueFor(field: Field): fc.Arbitrary<string> {
  if (field.kind === 'timestamp') {
    const asNumber = epoch;
    return fc.oneof(
      { weight: 8, arbitrary: jsonString(timestampText) },
      { weight: 2, arbitrary: asNumber },
      { weight: 1, arbitrary: often(anyJson, notNumber) },
    );
  }
  if (field.kind === 'text') {
    return fc.oneof(
      { weight: 10, arbitrary: jsonString(textFor(field)) },
      { weight: 2, arbitrary: number },
      { weight: 1, arbitrary: often(anyJson, notNumber) },
    );
  }
  if (field.kind === 'boolean')
    return often(pick('true', 'false', 'null', '""'), often(jsonString(pick('true', 'yes')), anyJson, 2), 8);
  if (field.kind === 'items') return often(items, often(jsonString(pick('', '[]')), anyJson, 2), 8);
  const inRange = fc
    .integer({ min: field.min ?? -1000, max: Math.min(field.max ?? 100_000, 100_000) })
    .map(String);
  const money = fc
    .tuple(pick('', '', '-'), digits(1, 6), digits(1, 6))
    .map(([sign, whole, fraction]) => `${sign}${whole.replace(/^0+(?=\d)/, '')}.${fraction}`);
  const usual = field.kind === 'money' || field.kind === 'decimal' ? fc.oneof(inRange, money) : inRange;
  return fc.oneof(
    { weight: 6, arbitrary: usual },
    { weight: 2, arbitrary: jsonString(usual) },
    { weight: 2, arbitrary: number },
    { weight: 1, arbitrary: jsonString(number) },
    { weight: 1, arbitrary: jsonString(numberText) },
    { weight: 1, arbitrary: often(anyJson, notNumber) },
  );
}
