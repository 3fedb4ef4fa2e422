/**
 * Records a second of each form of a file, from its bytes to lines that are ready for the log, on one core; NDJSON in canonical form
 * is the measure. Beside it the validator alone, on the same lines in memory: what it takes less is the cost of reading the file, of finding
 * out what it is, and of its decoder. Each is run in turn, and what is made of it is counted.
 * Usage: node bench/formats.ts [RECORDS=200000] [ROUNDS=5]
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readParquet } from '../src/app/app.ts';
import { FIELDS } from '../src/event/fields.ts';
import { FORMATS } from '../src/ingest/formats/all.ts';
import { LineValidator } from '../src/ingest/line-validator.ts';
import { Normalizer } from '../src/ingest/normalize.ts';
import { Observer } from '../src/ingest/observer.ts';
import { openInput } from '../src/load/inputs.ts';

const [count = 200_000, rounds = 5] = process.argv.slice(2).map(Number);
const BLOCK_BYTES = 1024 * 1024;
const dir = mkdtempSync(join(tmpdir(), 'tillstream-bench-'));
const NAMES = FIELDS.filter(({ kind }) => kind !== 'items').map(({ name }) => name);

const validator = () =>
  new LineValidator({
    normalizer: new Normalizer({ time_zone: 'UTC' }),
    timeZone: 'UTC',
    lineBytesMax: BLOCK_BYTES,
    storedBytesMax: Number.POSITIVE_INFINITY,
    now: Date.now,
  });

const simulated = join(dir, 'simulated.ndjson');
const main = join(import.meta.dirname, '..', 'src', 'main.ts');
const shop = ['--count', String(count), '--rate', '50', '--malformed', '0'];
execFileSync(process.execPath, [main, 'simulate', '--out', simulated, ...shop]);
const made = validator().validate(
  [{ kind: 'json', bytes: readFileSync(simulated), places: { first: 1 } }],
  new Observer({ zone: 'UTC' }),
);
const canonical = Buffer.concat(made.bytes);
const lines = canonical.toString().trimEnd().split('\n');
const records = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
const camel = (name: string) => name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
const renamed = (record: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [camel(name), value]));
const inQuotes = (text: string) => `"${text.replaceAll('"', '""')}"`;
/** The records as a table. */
function table(delimiter: string, quote: (text: string) => string): string {
  const rows = [
    NAMES,
    ...records.map((record) => NAMES.map((name) => (record[name] === undefined ? '' : String(record[name])))),
  ];
  return `${rows.map((row) => row.map(quote).join(delimiter)).join('\n')}\n`;
}

/** The same records in each form. */
const forms: Record<string, string | Buffer> = {
  'NDJSON, canonical': canonical,
  'NDJSON, other names': `${records.map((record) => JSON.stringify(renamed(record))).join('\n')}\n`,
  'JSON array': JSON.stringify(records),
  'JSON in an object': JSON.stringify({ events: records }),
  'JSON objects over several lines': records.map((record) => JSON.stringify(record, null, 1)).join('\n'),
  'NDJSON in lines of Docker': `${lines.map((line) => JSON.stringify({ log: `${line}\n`, stream: 'stdout', time: '2026-11-01T10:00:00Z' })).join('\n')}\n`,
  CSV: table(',', (text) => (/[",\n]/.test(text) ? inQuotes(text) : text)),
  'CSV, all cells in quotes': table(';', inQuotes),
  TSV: table('\t', (text) => text),
};

/** Seconds for a file, and the events that it gave. */
async function whole(path: string): Promise<{ seconds: number; events: number }> {
  const startedMs = performance.now();
  const input = await openInput(path, path, {}, { readParquet, formats: FORMATS });
  const [check, observer] = [validator(), new Observer({ zone: 'UTC' })];
  let events = 0;
  for await (const decoded of input.records(() => {})) events += check.validate(decoded, observer).accepted;
  return { seconds: (performance.now() - startedMs) / 1000, events };
}

/** The validator alone, on blocks of whole lines. */
function alone(): { seconds: number; events: number } {
  const blocks: Buffer[] = [];
  for (let at = 0; at < canonical.length; ) {
    const end = canonical.lastIndexOf('\n', Math.min(at + BLOCK_BYTES, canonical.length) - 1) + 1;
    // The validator may change the bytes that it is given.
    blocks.push(Buffer.from(canonical.subarray(at, end)));
    at = end;
  }
  const startedMs = performance.now();
  const [check, observer] = [validator(), new Observer({ zone: 'UTC' })];
  let events = 0;
  for (const bytes of blocks)
    events += check.validate([{ kind: 'json', bytes, places: { first: 1 } }], observer).accepted;
  return { seconds: (performance.now() - startedMs) / 1000, events };
}

const best = new Map<string, number>();
const note = (name: string, { seconds, events }: { seconds: number; events: number }) => {
  if (events !== lines.length) throw new Error(`${name}: ${events} events of ${lines.length}`);
  best.set(name, Math.min(best.get(name) ?? Number.POSITIVE_INFINITY, seconds));
};
const paths = Object.entries(forms).map(([name, content], n) => {
  const path = join(dir, `form-${n}`);
  writeFileSync(path, content);
  return [name, path] as const;
});
for (let round = 0; round < rounds; round++) {
  note('validator alone', alone());
  for (const [name, path] of paths) note(name, await whole(path));
}
rmSync(dir, { recursive: true, force: true });
const measure = best.get('NDJSON, canonical')!;
for (const [name, seconds] of best)
  console.log(`${name}: ${Math.round(lines.length / seconds / 1000)} k/s, ${(measure / seconds).toFixed(2)}`);
console.log(
  JSON.stringify({
    scenario: 'formats',
    records: lines.length,
    ratios: Object.fromEntries([...best].map(([name, seconds]) => [name, measure / seconds])),
  }),
);
