import { BAD_MARK, DEPTH_MAX } from '../../src/event/fields.ts';
import type { Reason } from '../../src/event/reasons.ts';
import type { Random } from './random.ts';

export interface MalformedKind {
  name: string;
  reason: Reason;
  make: (line: string, random: Random) => string | Buffer;
}

/** Replaces one field by this JSON text; undefined removes it. */
function withField(line: string, name: string, json: string | undefined): string {
  const fields = Object.entries(JSON.parse(line) as Record<string, unknown>)
    .filter(([key]) => key !== name)
    .map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  if (json !== undefined) fields.unshift(`"${name}":${json}`);
  return `{${fields.join(',')}}`;
}

const field =
  (name: string, ...variants: (string | undefined)[]) =>
  (line: string, random: Random): string =>
    withField(line, name, random.pick(variants));

/** The same of an order: other events do without a field that can't be read. */
const orderWith = (name: string, ...variants: string[]) => {
  const make = field(name, ...variants);
  return (line: string, random: Random): string => make(withField(line, 'event_type', '"purchase"'), random);
};

/** Puts raw bytes into the value of user_id. */
const bytesInside =
  (...variants: number[][]) =>
  (line: string, random: Random): Buffer => {
    const [head, tail] = withField(line, 'user_id', '"u@1"').split('@') as [string, string];
    return Buffer.concat([Buffer.from(head), Buffer.from(random.pick(variants)), Buffer.from(tail)]);
  };

/** Every way in which the simulator breaks a line, each with one flaw only, so that the reason is certain. */
export const MALFORMED_KINDS: readonly MalformedKind[] = [
  {
    name: 'cut_off',
    reason: 'not_json',
    make: (line, random) => line.slice(0, random.integer(1, line.length - 1)),
  },
  { name: 'plain_text', reason: 'not_json', make: () => 'GET /p/17 200 87ms' },
  { name: 'html', reason: 'not_json', make: () => '<html><body>502 Bad Gateway</body></html>' },
  { name: 'trailing_comma', reason: 'not_json', make: (line) => `${line.slice(0, -1)},}` },
  { name: 'single_quotes', reason: 'not_json', make: (line) => line.replaceAll('"', "'") },
  { name: 'nan', reason: 'not_json', make: field('response_time', 'NaN', 'Infinity', 'undefined') },
  { name: 'two_objects', reason: 'not_json', make: (line) => line + line },
  { name: 'raw_control', reason: 'not_json', make: field('user_id', '"u\u00011"', '"u\t1"') },
  { name: 'bad_escape', reason: 'not_json', make: field('user_id', '"u\\x41"', '"\\u12"') },
  { name: 'leading_zero', reason: 'not_json', make: field('quantity', '007', '+1', '1.') },
  { name: 'array', reason: 'not_an_object', make: (line) => `[${line}]` },
  {
    name: 'scalar',
    reason: 'not_an_object',
    make: (_, random) => random.pick(['null', 'true', '42', '"purchase"']),
  },
  { name: 'no_timestamp', reason: 'missing_field', make: field('timestamp', undefined, 'null', '""') },
  { name: 'no_event_type', reason: 'missing_field', make: field('event_type', undefined, 'null', '""') },
  { name: 'typed_text', reason: 'wrong_type', make: field('event_type', '{"id":1}', '["u1"]', 'true') },
  {
    name: 'typed_timestamp',
    reason: 'wrong_type',
    make: field('timestamp', 'true', '[2026,1,1]'),
  },
  { name: 'typed_money', reason: 'wrong_type', make: orderWith('amount', '[19.90]', 'true') },
  { name: 'long_text', reason: 'text_too_long', make: field('event_type', JSON.stringify('s'.repeat(65))) },
  { name: 'long_bytes', reason: 'text_too_long', make: field('event_type', JSON.stringify('ü'.repeat(33))) },
  {
    name: 'no_such_date',
    reason: 'bad_timestamp',
    make: field(
      'timestamp',
      '"2026-02-30T10:00:00Z"',
      '"2025-13-01T10:00:00Z"',
      '"02/30/2026"',
      '"13/45/2025"',
    ),
  },
  {
    name: 'no_such_format',
    reason: 'bad_timestamp',
    make: field('timestamp', '"yesterday"', '"2025-11-23T25:00:00Z"'),
  },
  {
    name: 'before_1970',
    reason: 'timestamp_out_of_range',
    make: field('timestamp', '"1969-12-31T23:59:59Z"'),
  },
  {
    name: 'future',
    reason: 'timestamp_in_future',
    make: field('timestamp', '"2099-01-01T00:00:00Z"', '4070908800000'),
  },
  { name: 'money_text', reason: 'bad_number', make: orderWith('amount', '"abc"', '"free"') },
  { name: 'huge_money', reason: 'number_out_of_range', make: orderWith('amount', '"1000000000000000.00"') },
  {
    name: 'not_utf8',
    reason: 'not_utf8',
    make: bytesInside([0xff], [0xc3, 0x28], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf0, 0x9f, 0x98], [0x80]),
  },
  { name: 'nul', reason: 'nul_character', make: field('event_type', '"u\\u00001"', '"\\u0000"') },
  {
    name: 'twice',
    reason: 'duplicate_field',
    make: (line) => `${line.slice(0, -1)},"event_type":"purchase"}`,
  },
  { name: 'lone_surrogate', reason: 'not_json', make: field('event_type', '"u\\ud800"', '"\\udc00u"') },
  {
    name: 'too_deep',
    reason: 'too_deep',
    make: field(
      'context',
      '['.repeat(DEPTH_MAX) + ']'.repeat(DEPTH_MAX),
      `${'{"a":'.repeat(40)}1${'}'.repeat(40)}`,
    ),
  },
  { name: 'forged_mark', reason: 'reserved_field', make: field(BAD_MARK, '"not_json"') },
];

/** A line that is longer than the limit: not among the kinds above because each costs a megabyte. */
export function tooLongLine(line: string, lineBytesMax: number): string {
  return withField(line, 'padding', JSON.stringify('x'.repeat(lineBytesMax)));
}
