/**
 * Writes the reference pages of docs/ from the declarations they describe:
 *   node scripts/generate-docs.ts            writes them
 *   node scripts/generate-docs.ts --check    fails when one is not up to date
 * To add a page, add a function to PAGES.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BAD_ROW_COLUMNS, type Column, EVENT_COLUMNS } from '../src/event/columns.ts';
import {
  BAD_MARK,
  BAD_MARK_FIELD,
  BAD_MARK_RAW,
  DEPTH_MAX,
  FIELDS,
  type Field,
  FUTURE_TOLERANCE_MS,
  MONEY_PRECISION,
  MONEY_SCALE,
} from '../src/event/fields.ts';
import { NULL_USERS, NULL_WORDS } from '../src/event/null-words.ts';
import { REASONS } from '../src/event/reasons.ts';
import { FINDINGS } from '../src/ingest/finding-catalogue.ts';
import { FORMATS } from '../src/ingest/formats/all.ts';
import { FIELD_ALIASES, ITEM_NAMES } from '../src/ingest/names.ts';
import { EVENT_TYPES } from '../src/ingest/values/event-types.ts';
import { SIGNS } from '../src/ingest/values/read-currency.ts';
import { INVALID_FIELD } from '../src/metrics/definition.ts';
import { DOUBTS } from '../src/metrics/definitions/doubts.ts';
import { API_ERRORS } from '../src/telemetry/errors.ts';
import { configPage } from './config-page.ts';
import { mappingsPage } from './mappings-page.ts';
import { AMBIGUOUS_VALUES, READ_VALUES } from './read-examples.ts';

const PAGES: Record<string, () => string> = {
  'events.md': eventsPage,
  'config.md': () => configPage(table),
  'errors.md': errorsPage,
  'findings.md': findingsPage,
  'formats.md': formatsPage,
  'mappings.md': () => mappingsPage(table),
};

const DOCS_DIR = join(import.meta.dirname, '..', 'docs');

const stale: string[] = [];
await mkdir(DOCS_DIR, { recursive: true });
for (const [name, page] of Object.entries(PAGES)) {
  const file = join(DOCS_DIR, name);
  const text = `<!-- Written by scripts/generate-docs.ts: change the declarations, not this file. -->\n\n${page()}`;
  if ((await readFile(file, 'utf8').catch(() => '')) === text) continue;
  if (process.argv.includes('--check')) stale.push(`docs/${name}`);
  else await writeFile(file, text);
}
if (stale.length > 0) {
  console.error(`Not up to date: ${stale.join(', ')}. Run: node scripts/generate-docs.ts`);
  process.exitCode = 1;
}

function eventsPage(): string {
  return `# Events

An event is one JSON object on one line. Three things decide whether a line is an event: its time, its type and, for a purchase or refund, its money. If one of these can't be
read, the line becomes a [bad row](#bad-rows). It is stored with the reason and counted, but no metric includes it. The price of an order matters only if it has no amount.

No other field rejects an event. If a field can't be read, it is null, its value is kept in \`extra.invalid\`, and the [finding](findings.md) \`invalid_field\` reports it. Texts
longer than their limit are cut. Events with \`test\` or \`bot\` are archived, but left out of the metrics.

## Fields

${table(
  ['field', 'type', 'limits', 'meaning', 'example'],
  FIELDS.map((field) => [
    code(field.name) + (field.required ? ' (required)' : ''),
    field.kind,
    limitsOf(field),
    field.description,
    code(JSON.stringify(field.example)),
  ]),
)}

- Other spellings, many other names, and most ways to write times, numbers and amounts are read too: see [formats.md](formats.md). This table shows the stored form.
- Fields that are not in the table are kept in \`extra\`, a JSON object. Their values are unchanged, except that numbers with a decimal point or an exponent become the nearest
  double. If an event has an object \`extra\`, its members are kept there too.
- Objects and arrays can be nested ${DEPTH_MAX} levels deep, including the event itself.
- If a field of the table occurs twice, the line becomes a bad row.
- If the time is more than ${FUTURE_TOLERANCE_MS / 60_000} minutes ahead of receipt, or in 1970 or earlier, the line becomes a bad row. A day without a time means the first
  instant of the day in the shop's time zone.
- Money is stored as DECIMAL(${MONEY_PRECISION},${MONEY_SCALE}), rounded half away from zero. A number with a decimal point or an exponent is read as the nearest double, which is exact to 15
  digits. If you need more, send a text.

## Bad rows

${table(
  ['reason', 'meaning'],
  Object.entries(REASONS).map(([name, meaning]) => [code(name), meaning]),
)}

The collector answers \`{"accepted":n,"rejected":n,"errors":[{"line":n,"record":n,"code":"...","field":"...","example":"..."}],"reasons":{...},"invalid_fields":{...},"findings":[...]}\`,
with the first 100 errors. With \`?strict=true\`, one bad line causes the whole request to be refused (422 \`lines_rejected\`). A request that contains no event is always refused
(422 \`nothing_accepted\`). Nothing of a refused request is stored.

The log keeps a bad line as a marked record:

\`\`\`json
${JSON.stringify({ [BAD_MARK]: 'bad_number', [BAD_MARK_FIELD]: 'price', [BAD_MARK_RAW]: '{"price":"19,90"}' })}
\`\`\`

\`${BAD_MARK_RAW}\` is the line as received, without its line end. If a line is too long, only its beginning is kept. A line that is not
UTF-8 (\`not_utf8\`) is kept as Base64. A line that contains the field \`${BAD_MARK}\` itself is rejected.

## Tables of the archive

Both tables are Delta Lake tables, partitioned by \`event_date\`.

### events

${columnsTable(EVENT_COLUMNS)}

### bad_rows

${columnsTable(BAD_ROW_COLUMNS)}

## Records of other programs

Records that other programs wrote into the topic of the log are read like lines on arrival: the same rules, the same findings and the same rejected rows. Each record is at
least one row, even an empty record. Mappings and formats other than JSON are not applied: write such records to a separate topic, and read it with a
[source of the kind \`kafka\`](kafka-hdfs-s3.md).
`;
}

function limitsOf(field: Field): string {
  if (field.kind === 'text') return `${field.bytesMax} bytes`;
  if (field.kind === 'integer') return `${field.min} to ${field.max}`;
  if (field.kind === 'decimal') return `${field.min} to ${field.max}, ${MONEY_SCALE} decimals`;
  if (field.kind === 'boolean') return 'true or false';
  if (field.kind === 'items') return 'an array of objects';
  return field.kind === 'money' ? `DECIMAL(${MONEY_PRECISION},${MONEY_SCALE})` : '1970 to now';
}

function columnsTable(columns: readonly Column[]): string {
  return table(
    ['column', 'type', 'null', 'meaning'],
    columns.map(({ name, deltaType, nullable, description }) => [
      code(name),
      deltaType,
      nullable ? 'yes' : 'no',
      description,
    ]),
  );
}

function errorsPage(): string {
  return `# Errors of the HTTP API

Every error has the form \`{"error":{"code":"...","message":"...","hint":"..."}}\`. After 429 and 503, nothing of the request was stored, and the header Retry-After contains the
number of seconds to wait.

${table(
  ['code', 'status', 'what to do'],
  Object.entries(API_ERRORS).map(([name, { status, hint }]) => [code(name), String(status), hint]),
)}
`;
}

function findingsPage(): string {
  return `# Findings

A finding reports something doubtful in received events. It rejects nothing. It names what was assumed or looks wrong, with the number of rows, an example, and the setting that
resolves it. You find findings at the end of \`tillstream load\` and of its dry run, in the answer of \`POST /v1/events\`, in \`tillstream status\` and \`GET /v1/status\`, and on the
page. The status lists those since the last start. The metric \`quality\` keeps some of them, counted by the time of receipt: ${[INVALID_FIELD, ...Object.keys(DOUBTS)].map(code).join(', ')}.

Orders are also compared with earlier ones:

- At its end, \`load\` compares with the archive: with everything received in the last 30 days and, for cancelled orders, with the newest 500 files of the archive. A dry run
  compares only within the files.
- All other sources compare with everything received since the start, and with the newest 20,000 orders of the last 30 days in the archive.
- Records that a mapping leaves out are not stored, but the numbers of orders that it leaves out as cancelled are: loads compare with those that earlier
  loads left out, and all other sources with the newest 20,000 that any of them left out. An order that a load leaves out as cancelled is not recognized if another source sells it later.
- Rows without \`order_id\` and \`event_id\` are recognized in another file only if the whole record is identical, byte for byte. An export with other columns, or in another order
  or format, is not recognized. Map a unique column to \`event_id\`.

${table(
  ['code', 'message', 'what to do'],
  Object.entries(FINDINGS).map(([name, { message, setting }]) => [
    code(name),
    message('FIELD', 'OTHER'),
    setting,
  ]),
)}

Words in capitals stand for one of your fields, event types or values.
`;
}

function formatsPage(): string {
  return `# Formats and values

Files, request bodies and all other input are read by the same rules. The format is detected from the first 64 KiB of the content, never from the file name or the content
type. Doubtful data is rejected, or reported as a [finding](findings.md).

## Formats

${table(
  ['format', 'description'],
  [
    ...FORMATS.map(({ name, description }) => [code(name), description]),
    ['`parquet`', 'Parquet files. Only for `tillstream load` and for imports on the page.'],
  ],
)}

Content compressed with gzip (even in several parts), zstd or bz2 is decompressed, whatever the file name. The default encoding is UTF-8. UTF-16 and UTF-32 are recognized by
their byte order mark. To set another encoding, use \`load --encoding latin1\`. A record that can't be read becomes one bad row, and reading continues.

## Times, amounts and other values

Examples of what is written, and what it is read as:

${table(
  ['field', 'written', 'read as'],
  READ_VALUES.map(({ field, value, read }) => [code(field), code(JSON.stringify(value)), code(read)]),
)}

Times without a zone are in the shop's zone (\`time_zone\` in the config, or \`load --time-zone\`). Numbers are seconds, milliseconds, microseconds or nanoseconds since 1970,
depending on their size. In dates such as \`11/1/2024\` the month comes first, unless you set \`load --date-order dmy\`. In dates with dots, the day comes first.

These values are rejected, because they are ambiguous or meaningless:

${table(
  ['field', 'written', 'reason'],
  AMBIGUOUS_VALUES.map(({ field, value, reason }) => [
    code(field),
    code(JSON.stringify(value)),
    code(reason),
  ]),
)}

Currencies are codes of ISO 4217 in upper or lower case, their numbers, and these signs: ${SIGNS.map(code).join(', ')}. \`$\`, \`kr\` and \`Fr.\` stand for several currencies. The field \`currency\`, the setting \`currency\` and, for \`$\`, the setting \`dollar\` decide which one. A purchase or refund is rejected if its currency contradicts the sign of an amount or price.

## Missing values

These words mean a missing value, in upper or lower case: ${NULL_WORDS.map((word) => code(word)).join(', ')}. In \`user_id\`, these do too: ${NULL_USERS.map((word) => code(word)).join(', ')}.

## Names of fields

Names are compared without case, blanks, \`_\` and \`-\`: \`Event Type\` and \`eventType\` both mean \`event_type\`. These names are read too:

${table(
  ['field', 'also'],
  Object.entries(FIELD_ALIASES).map(([name, aliases]) => [code(name), aliases.map(code).join(', ')]),
)}

In lines of \`items\`:

${table(
  ['member', 'also'],
  Object.entries(ITEM_NAMES).map(([name, names]) => [code(name), names.slice(1).map(code).join(', ')]),
)}

## Event types

Event types are compared without case, blanks and punctuation. Any other name is kept as it is, and counted in traffic.

${table(
  ['event type', 'meaning', 'also'],
  EVENT_TYPES.map(({ name, description, aliases }) => [
    code(name),
    description,
    Object.entries(aliases)
      .map(([origin, names]) => `${origin}: ${names.map(code).join(', ')}`)
      .join('; '),
  ]),
)}
`;
}

function code(text: string): string {
  return `\`${text}\``;
}

/** A Markdown table; cells are padded so that it is readable as text, but for very wide columns. */
function table(head: string[], rows: string[][]): string {
  const cells = [head, ...rows].map((row) => row.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = head.map((_, i) => Math.min(60, Math.max(3, ...cells.map((row) => row[i]!.length))));
  const line = (row: string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return [line(cells[0]!), rule, ...cells.slice(1).map(line)].join('\n');
}
