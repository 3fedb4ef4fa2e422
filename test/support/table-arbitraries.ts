import { FIELDS, type Field } from '../../src/event/fields.ts';
import type { CsvDetection } from '../../src/ingest/formats/csv-detect.ts';
import { FIELD_ALIASES } from '../../src/ingest/names.ts';

/** Tables as shops export them: in every dialect of CSV, with plain cells, and with cells and rows spoiled in many ways. */
export interface AnyTable {
  readonly detection: CsvDetection;
  readonly bytes: Buffer;
}

const TIMES = ['2026-11-23T10:15:30Z', '2026-11-23T10:15:30.250Z', '2026-11-22T09:00:00.123456Z'];
const OTHER_TIMES = [
  '2026-11-23 10:15:30',
  '2026-11-23T10:15:30',
  '2026-11-23 10:15',
  '2026-11-23 10:15:30.5',
  '2026-10-25 02:30:00',
  '2026-03-29 02:30:00',
  '2026-11-23',
  '2026-02-30 10:00:00',
  '2026-11-23 10:15:30+01:00',
  '2026-11-23 10:15:30 UTC',
  '1/2/2026',
  '11/23/2026',
  '23/11/2026 10:15',
  '23.11.2026 10:15:30',
  '1795428930',
  '1795428930123',
  '1795428930.5',
  '20261101',
  '45000.5',
  'Nov 1, 2026 10:00:00 AM',
  '1970-01-01 00:00:00',
  '1980-01-01 00:00:00',
  '0',
  '2026-12-31T10:15:30Z',
  'yesterday',
];
const TYPES = ['purchase', 'view_product', 'refund', 'search', 'add_to_cart', 'cancel'];
const OTHER_TYPES = [
  'Product Viewed',
  'view',
  'cart',
  'Order Completed',
  'order',
  'page_ping',
  'purchas',
  ' purchase',
  '5',
  'PURCHASE',
];
const AMOUNTS = ['39.80', '19.9', '5', '100', '1999', '39.8000', '0', '1.50'];
const OTHER_AMOUNTS = [
  '39,80',
  '1.039,80',
  '1,039.80',
  '1,234',
  '1.234',
  '€ 5',
  '5 EUR',
  '$5',
  '(39.80)',
  '-5.00',
  '-5',
  '007',
  '1E2',
  '.5',
  '5.',
  '+5',
  '12345678901234567',
  '1.23456',
  'free',
  ' 5',
  '5 ',
  '1 000',
  '--',
];
const NUMBERS = ['200', '87', '404', '1', '0', '2'];
const OTHER_NUMBERS = ['0.25', '2.0', '2,0', '-1', '007', '99999999999', 'fast', ' 200', '1e3'];
const NULLS = [
  '-',
  'null',
  'NULL',
  'Null',
  '\\N',
  'None',
  'none',
  'NaN',
  'n/a',
  'N/A',
  '#N/A',
  '(not set)',
  'undefined',
  'nULL',
  ' - ',
];
const USERS = ['u1', 'u2', 'u3', '0', '-1', 'guest', 'GUEST', 'Anonymous', '17'];
const AGENTS = [
  'Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0',
  'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
  'curl/8.0',
];
const URLS = [
  'https://shop.example/',
  'https://shop.example/cart',
  'https://shop.example/p/17',
  'https://shop.example/p/17?utm_source=mail&utm_campaign=x',
  'https://shop.example/?q=1',
  '/p/1',
];
const CURRENCIES = ['EUR', 'EUR', 'USD', 'JPY'];
const OTHER_CURRENCIES = ['eur', '€', '$', 'XTS', 'BTC', '978', ' EUR'];
const BOOLEANS = ['true', 'false', 'TRUE', '1', '0', 'yes', 'No', 'maybe', ' true'];
const ITEMS = ['[{"product_id":"p1","quantity":1,"price":"39.80"}]', '[]', 'p1'];
const TEXTS = [
  'p1',
  'p2',
  'DE',
  'mobile',
  'Möbel',
  '時計',
  'a b',
  'x'.repeat(70),
  'ä'.repeat(300),
  ' p1',
  'p1 ',
  '\u00a0p1',
  'p1\u00a0',
  '\ufeffp1',
  '😀',
  'Versand',
  'total',
  '#1001',
  '1001',
  '12.50',
  'tab\there',
  'ctrl\u0001',
  'back\\slash',
  '\u007f',
];
const ODD_TEXTS = ['say "hi"', 'line\nend', 'a,b', 'a;b', 'a|b', 'cr\rhere', '"', '""', '\\"', 'x"y'];
const OTHERS: Readonly<Record<string, readonly string[]>> = {
  note: ['hello', 'x', '-', '0', 'é'],
  'Interne Nummer': ['1', '2', '3'],
  status: ['paid', 'cancelled', 'refunded', 'failed', 'shipped', 'partially refunded'],
  financial_status: ['paid', 'voided'],
  refund_amount: ['0', '5.00'],
  timezone: ['Europe/Berlin', 'America/New_York', 'UTC'],
  prize: ['5'],
  extra: ['x', '{"a":1}'],
  invalid: ['x'],
  shop_currency: ['EUR'],
  pieces: ['1', '2'],
  is_test_order: ['true', 'false'],
  constructor: ['x'],
  näme: ['x'],
  'quo"ted': ['x'],
  test_mode: ['live', 'test'],
  qty_1: ['1'],
  tillstream_bad: ['x'],
  giftcards: ['5.00'],
};

/** A random table; `random` gives numbers in [0, 1). */
export function anyTable(random: () => number): AnyTable {
  const chance = (share: number) => random() < share;
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const or = (usual: readonly string[], rare: readonly string[], share: number) =>
    pick(chance(share) ? rare : usual);
  // Some tables are clean, others have much that is odd.
  const oddity = pick([0, 0.01, 0.05, 0.3]);
  // One of them, or a byte that is not UTF-8, has all rows around it read by their values.
  const stray = chance(0.1) ? pick(['\0', '\ufeff']) : null;
  const odd = [...NULLS, ...TEXTS, ...ODD_TEXTS, ...(stray === null ? [] : [`n${stray}`])];

  function valueFor({ name, kind }: Field): string {
    if (chance(oddity)) return pick(odd);
    if (kind === 'timestamp') return or(TIMES, OTHER_TIMES, oddity);
    if (kind === 'money') return or(AMOUNTS, OTHER_AMOUNTS, oddity);
    if (name === 'status_code') return or(['200', '404'], NUMBERS, oddity);
    if (kind === 'integer' || kind === 'decimal') return or(NUMBERS, OTHER_NUMBERS, oddity);
    if (kind === 'boolean') return chance(0.8) ? '' : pick(BOOLEANS);
    if (kind === 'items') return chance(0.95) ? '' : pick(ITEMS);
    if (name === 'event_type') return or(TYPES, OTHER_TYPES, oddity * 2);
    if (name === 'currency') return or(CURRENCIES, OTHER_CURRENCIES, oddity);
    if (name === 'user_agent') return pick(AGENTS);
    if (name === 'url') return pick(URLS);
    if (name === 'user_id') return pick(USERS);
    if (name === 'visitor_id') return or(USERS.slice(0, 3), USERS, oddity);
    if (name.endsWith('_id')) return `${name.at(0)}${Math.floor(random() * 6)}`;
    return or(TEXTS.slice(0, 7), TEXTS, oddity);
  }

  function namesOf({ name }: Field): readonly string[] {
    const camel = name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
    const aliases = Object.hasOwn(FIELD_ALIASES, name) ? FIELD_ALIASES[name]! : [];
    return [name, camel, name.toUpperCase(), name.replaceAll('_', ' '), ...aliases];
  }

  const columns = new Map<string, () => string>();
  // What is always given, or nearly so.
  const deciding = new Set<string>();
  // Dates of one form in all rows, as of one program.
  const form = chance(0.3) ? pick(OTHER_TIMES) : null;
  const share = pick([0.2, 0.4, 0.4, 0.8]);
  // Where there is a price, most amounts do not fit it.
  const isPriced = chance(0.3);
  for (const field of FIELDS) {
    const isDeciding = field.required === true && !chance(0.02);
    if (!isDeciding && (!chance(share) || (field.name === 'price' && !isPriced))) continue;
    for (const name of chance(0.98) ? [pick(namesOf(field))] : namesOf(field).slice(0, 3)) {
      if (isDeciding) deciding.add(name);
      columns.set(name, () =>
        field.kind === 'timestamp' && form !== null && !chance(oddity) ? form : valueFor(field),
      );
    }
  }
  for (const [name, values] of Object.entries(OTHERS))
    if (chance(0.04)) columns.set(name, () => (chance(oddity) ? pick(odd) : pick(values)));
  const names = [...columns.keys()];
  if (chance(0.5)) names.sort(() => random() - 0.5);

  const delimiter = pick([',', ',', ',', ';', ';', '\t', '\t', '|', '|', ' ', '\u0001']);
  const lineEnd = pick(['\n', '\n', '\r\n']);
  const isEscapedByBackslash = chance(0.15);
  const hasNoQuotes = chance(0.05);
  const quoted = pick(['needed', 'needed', 'all', 'some']);
  const inQuotes = (text: string) =>
    `"${isEscapedByBackslash ? text.replaceAll(/["\\]/g, '\\$&') : text.replaceAll('"', '""')}"`;
  const cell = (text: string) => {
    const isNeeded = /["\n\r]/.test(text) || text.includes(delimiter);
    if (chance(oddity / 10))
      return pick([`"${text}`, ` ${inQuotes(text)} `, `${inQuotes(text)}x`, `${inQuotes(text)}\r`, text]);
    const isQuoted = isNeeded || quoted === 'all' || (quoted === 'some' && chance(0.5));
    return isQuoted && !hasNoQuotes ? inQuotes(text) : text;
  };
  const made: string[][] = [];
  const emptiness = pick([0, 0.1, 0.6]);
  const row = (): string => {
    if (chance(oddity / 5))
      return pick(['', ' ', delimiter, 'one', '"', '""', ...(stray === null ? [] : [stray.repeat(2)])]);
    // Equal rows, at times with another value.
    let cells =
      made.length > 0 && chance(0.25)
        ? [...pick(made)]
        : names.map((name) => (chance(deciding.has(name) ? oddity : emptiness) ? '' : columns.get(name)!()));
    if (chance(0.1)) {
      const at = Math.floor(random() * names.length);
      cells[at] = columns.get(names[at]!)!();
    }
    made.push(cells);
    if (chance(oddity / 5)) cells = chance(0.5) ? cells.slice(0, -1) : [...cells, pick(TEXTS)];
    return `${stray !== null && chance(0.05) ? stray : ''}${cells.map(cell).join(delimiter)}`;
  };
  const rows = Array.from({ length: Math.floor(random() * 40) }, row);
  const text = `${chance(0.1) ? '\ufeff' : ''}${[names.map(cell).join(delimiter), ...rows].join(lineEnd)}${chance(0.8) ? lineEnd : ''}`;
  let bytes = Buffer.from(text);
  if (chance(0.05))
    bytes = Buffer.concat([
      bytes.subarray(0, bytes.length / 2),
      Buffer.from([0xff]),
      bytes.subarray(bytes.length / 2),
    ]);
  const detection: CsvDetection = {
    details: [],
    delimiter,
    isEscapedByBackslash,
    ...(hasNoQuotes ? { hasNoQuotes } : {}),
    names,
    cellCount: names.length,
    headerRecords: 1,
    digitColumns: names.map(() => chance(0.1)),
  };
  return { detection, bytes };
}
