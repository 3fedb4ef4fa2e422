import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { randomFrom, testSeed } from '../../test/support/seed.ts';
import { type AnyTable, anyTable } from '../../test/support/table-arbitraries.ts';
import { FIELDS } from '../event/fields.ts';
import { parseTimestamp } from '../event/timestamp.ts';
import type { Finding } from './finding.ts';
import { FindingTally } from './finding-tally.ts';
import type { Decoded } from './format.ts';
import { csv } from './formats/csv.ts';
import { PlainCells } from './formats/plain-cells.ts';
import { LineValidator } from './line-validator.ts';
import { Normalizer } from './normalize.ts';
import type { NormalizeSettingsInput } from './normalize-settings.ts';
import { Observer } from './observer.ts';

const NOW_MS = Date.UTC(2026, 10, 23, 12);
const TABLES = Number(process.env.TILLSTREAM_TEST_TABLES ?? 1500);
const SEED = testSeed('rows and values');

const SETTINGS: readonly NormalizeSettingsInput[] = [
  ...Array(10).fill({}),
  { time_zone: 'Europe/Berlin' },
  { date_order: 'dmy' },
  { mark_bots: false },
  { dollar: 'USD' },
  { event_types: { view: 'view_list', purchase: 'order', page_ping: 'view_page' } },
  { decimal: ',' },
  { decimal: '.' },
  { currency: 'EUR' },
  { minor_units: true },
  { null_words: ['p1'] },
  { has_quantity: false },
  { order_lines: 'distinct' },
  { time_format: 'dd.MM.yyyy HH:mm:ss' },
];

/** The fields of an event by what they mean: money by its value, and times as instants. A bad row stays as it is. */
function meaning(stored: string): unknown {
  const line = JSON.parse(stored) as Record<string, unknown>;
  if (line.tillstream_bad !== undefined) return stored;
  for (const { name, kind } of FIELDS) {
    if (line[name] === undefined) continue;
    if (kind === 'timestamp') line[name] = parseTimestamp(String(line[name]), 'UTC');
    if (kind === 'money' || kind === 'decimal' || kind === 'integer') line[name] = Number(line[name]) + 0;
  }
  return line;
}

/** Amounts in the texts of findings are spelled as they came, or as they are stored. */
const withoutZeros = (text: string) =>
  text.replaceAll(/(\d\.\d*?)0+(?!\d)/g, '$1').replaceAll(/(\d)\.(?!\d)/g, '$1');
const findingsIn = (tally: FindingTally) =>
  tally
    .list()
    .map((finding: Finding) => withoutZeros(JSON.stringify(finding)))
    .sort();

interface Way {
  readonly validators: Map<string, LineValidator>;
}

function validatorOf(
  { validators }: Way,
  settings: NormalizeSettingsInput,
  isZoneSet: boolean,
  lineBytesMax: number,
) {
  const key = JSON.stringify([settings, isZoneSet, lineBytesMax]);
  const timeZone = settings.time_zone ?? 'UTC';
  const known =
    validators.get(key) ??
    new LineValidator({
      normalizer: new Normalizer(settings, { isZoneSet }),
      timeZone,
      lineBytesMax,
      storedBytesMax: Number.POSITIVE_INFINITY,
      now: () => NOW_MS,
    });
  validators.set(key, known);
  return known;
}

function decode({ detection, bytes }: AnyTable, cuts: readonly number[]): Decoded[] {
  const decoder = csv.decoder(detection);
  const pieces: Decoded[] = [];
  let start = 0;
  for (const end of [...cuts, bytes.length]) {
    // As in use: the memory of a chunk is its own.
    for (const piece of decoder.push(Buffer.from(bytes.subarray(start, end)))) pieces.push(piece);
    start = end;
  }
  for (const piece of decoder.end()) pieces.push(piece);
  return pieces;
}

/** All that comes of a table. */
function read(way: Way, table: AnyTable, seed: number) {
  const random = randomFrom(seed);
  const settings = SETTINGS[Math.floor(random() * SETTINGS.length)]!;
  const isZoneSet = random() < 0.3;
  const lineBytesMax = random() < 0.05 ? 150 : 64 * 1024;
  const ids = random() < 0.5 ? { ids: { prefix: '0123456789ab', next: 7 } } : {};
  const cuts =
    random() < 0.5 ? [] : [random(), random()].sort().map((at) => Math.floor(at * table.bytes.length));
  const observer = new Observer({ zone: settings.time_zone ?? 'UTC', isWhole: random() < 0.5 });
  const validator = validatorOf(way, settings, isZoneSet, lineBytesMax);
  const pieces = decode(table, cuts);
  const result = validator.validate(pieces, observer, ids);
  const all = new FindingTally();
  observer.summarize(all);
  observer.withdrawals.report(all);
  const { bytes, tally, late, example, fields, ...others } = result;
  const lines = Buffer.concat(bytes).toString().split('\n').slice(0, -1);
  // Others may be among them.
  for (const line of lines)
    for (const name of Object.keys(JSON.parse(line) as object))
      assert.ok(name === 'extra' || name.startsWith('tillstream_') || fields.includes(name), name);
  return {
    ...others,
    pieces: pieces.map((piece) =>
      piece.kind === 'records'
        ? piece.records.map(({ fields, raw, place }) => ({ fields, raw: raw.toString('latin1'), place }))
        : piece,
    ),
    lines: lines.map(meaning),
    tally: findingsIn(tally),
    late: findingsIn(late),
    all: findingsIn(all),
    example: example?.record,
    unused: [...observer.unusedColumns].sort(),
  };
}

test(`a table is the same events, bad rows and findings, whether its rows are read by their bytes or by their values (seed ${SEED})`, () => {
  const [byBytes, byValues]: [Way, Way] = [{ validators: new Map() }, { validators: new Map() }];
  // Events by their bytes, and all events.
  const events = { byBytes: 0, all: 0 };
  for (let n = 0; n < TABLES; n++) {
    const seed = SEED + n;
    const table = anyTable(randomFrom(seed));
    const normalize = mock.method(Normalizer.prototype, 'normalize');
    const found = read(byBytes, table, seed);
    const normalized = normalize.mock.calls.filter(({ result }) => result !== undefined && 'line' in result);
    normalize.mock.restore();
    const find = mock.method(PlainCells.prototype, 'find', () => false);
    const expected = read(byValues, table, seed);
    find.mock.restore();
    events.byBytes += found.accepted - normalized.length;
    events.all += found.accepted;
    assert.deepEqual(found, expected, `seed ${seed}: ${JSON.stringify(table.detection)}\n${table.bytes}`);
  }
  assert.ok(events.byBytes > events.all / 4, `by bytes ${events.byBytes} of ${events.all}`);
});

test('amounts of one currency are in its smaller unit whatever the decimals of another that has none; the price may have some', () => {
  for (const [other, price, isFound] of [
    ['JPY', '', true],
    ['EUR', '', false],
    ['JPY', '1000.50', false],
  ] as const) {
    const rows = [`t,p,1.50,${other},,u0`, ...[1, 2, 3, 4].map((n) => `t,p,2001,EUR,${price},u${n}`)];
    const cells = rows.map((row) => row.replace(/^t,p/, '2026-11-23T10:15:30Z,purchase'));
    const names = ['timestamp', 'event_type', 'amount', 'currency', 'price', 'user_id', 'quantity'];
    const bytes = Buffer.from(`${[names, ...cells.map((row) => `${row},2`)].join('\n')}\n`);
    const layout = { delimiter: ',', isEscapedByBackslash: false, cellCount: 7, digitColumns: [] };
    const table = { detection: { ...layout, names, details: [], headerRecords: 1 }, bytes };
    const observer = new Observer({ zone: 'UTC', isWhole: true });
    const normalizer = new Normalizer();
    const options = { timeZone: 'UTC', lineBytesMax: 1000, storedBytesMax: 1e6, now: () => NOW_MS };
    const { tally } = new LineValidator({ normalizer, ...options }).validate(decode(table, []), observer);
    observer.summarize(tally);
    const found = tally.list().some(({ code }) => code === 'minor_units');
    assert.equal(found, isFound, `${other} ${price}`);
  }
});
