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

An event is one JSON object on one line. Its time, its type and, in a purchase or refund, its money decide whether a line is an event. A line of which these can't be
read is a [bad row](#bad-rows): it is kept with its reason, and counted, but no metric contains it. The price of an order matters only where it has no amount.

No other field rejects an event. Where one can't be read, it is null, its value is kept in \`extra.invalid\`, and the [finding](findings.md) \`invalid_field\` reports it. Texts
over their limit are cut. Events with \`test\` or \`bot\` are archived, and left out of the metrics.

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

- Other spellings and many other names are read too, and so are times, numbers and amounts in most writings: [formats.md](formats.md). The form of this
  table is what is stored.
- Fields that are not in the table are kept in \`extra\`, a JSON object. Their values stay as they were; numbers with a point or an exponent become the
  nearest double. If an event has an object \`extra\`, its members are kept there too.
- Objects and arrays may be nested ${DEPTH_MAX} deep, the event itself included.
- A field of the table that occurs twice makes the line a bad row.
- A time more than ${FUTURE_TOLERANCE_MS / 60_000} minutes ahead of its receipt makes the line a bad row, and so does one of 1970 or earlier. A day
  without a time begins at the first instant of the day in the shop's time zone.
- Money is kept as DECIMAL(${MONEY_PRECISION},${MONEY_SCALE}) and rounded half away from zero. A number with a point or an exponent is read as the
  nearest double, which is exact to 15 digits: send a text where that is not enough.

## Bad rows

${table(
  ['reason', 'meaning'],
  Object.entries(REASONS).map(([name, meaning]) => [code(name), meaning]),
)}

The collector answers \`{"accepted":n,"rejected":n,"errors":[{"line":n,"record":n,"code":"...","field":"...","example":"..."}],"reasons":{...},"invalid_fields":{...},"findings":[...]}\`,
with the first 100 errors. With \`?strict=true\` one bad line refuses the whole request (422 \`lines_rejected\`). A request in which nothing is an event is
always refused (422 \`nothing_accepted\`). Nothing of a refused request is stored.

The log keeps a bad line as a marked record:

\`\`\`json
${JSON.stringify({ [BAD_MARK]: 'bad_number', [BAD_MARK_FIELD]: 'price', [BAD_MARK_RAW]: '{"price":"19,90"}' })}
\`\`\`

\`${BAD_MARK_RAW}\` is the line as it came, without its line end. Only the beginning of a line that is too long is kept. A line that is
not UTF-8 (\`not_utf8\`) is kept as base64. A line that has the field \`${BAD_MARK}\` itself is rejected.

## Tables of the archive

Both are Delta Lake tables, partitioned by \`event_date\`.

### events

${columnsTable(EVENT_COLUMNS)}

### bad_rows

${columnsTable(BAD_ROW_COLUMNS)}

## Records that others wrote

Records that other programs wrote into the topic of the log are read as if they had been sent: by the same rules, with the same findings and the
same rejected rows. Each record is a row, an empty one too. Only mappings and other formats than JSON are not applied there: such records belong into a
topic of their own, which a [source of the kind \`kafka\`](kafka-hdfs-s3.md) reads.
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

Every error has the form \`{"error":{"code":"...","message":"...","hint":"..."}}\`. With 429 and 503 the header Retry-After has the number of
seconds to wait, and nothing of the request was stored.

${table(
  ['code', 'status', 'what to do'],
  Object.entries(API_ERRORS).map(([name, { status, hint }]) => [code(name), String(status), hint]),
)}
`;
}

function findingsPage(): string {
  return `# Findings

A finding reports something doubtful in events that came in. It rejects nothing. It names what was assumed or looks wrong, with the number of
rows, an example, and the setting that settles it. Findings are at the end of \`tillstream load\` and of its dry run, in the answer of
\`POST /v1/events\`, in \`tillstream status\` and \`GET /v1/status\`, and on the page. The status has those since the start.
The metric \`quality\` keeps some of them, counted by the time of receipt: ${[INVALID_FIELD, ...Object.keys(DOUBTS)].map(code).join(', ')}.

Orders are also compared with those that came before:

- \`load\` compares with the archive at its end: with what was received in the last 30 days, and orders that are now cancelled with its newest 500
  files. The dry run compares within the files alone.
- Everything else compares with what has come since the start, and with the newest 20,000 orders of the last 30 days in the archive.
- What a mapping leaves out is not stored. An order that a load leaves out as cancelled, and that an older export brings as a sale after that, is not
  recognized: load exports in the order in which they were made.
- Rows without \`order_id\` and \`event_id\` are found again in another file where the whole record is the same, byte by byte. An export with other
  columns, or in another order or format, is not recognized: map a column that is unique to \`event_id\`.

${table(
  ['code', 'message', 'what to do'],
  Object.entries(FINDINGS).map(([name, { message, setting }]) => [
    code(name),
    message('FIELD', 'OTHER'),
    setting,
  ]),
)}

Words in capitals stand for a field, an event type or a value of yours.
`;
}

function formatsPage(): string {
  return `# What is read, and how

Files, bodies of requests and all other input are read by the same rules. The format is detected from the first 64 KiB of the content, never from the name of a file
or its content type. What is doubtful is rejected, or reported as a [finding](findings.md).

## Formats

${table(
  ['format', 'what it is'],
  [
    ...FORMATS.map(({ name, description }) => [code(name), description]),
    ['`parquet`', 'Parquet files, by `tillstream load` and on the page only.'],
  ],
)}

gzip (also of several parts), zstd and bz2 are decompressed, whatever the file is called. UTF-8 is expected. UTF-16 and UTF-32 are recognized by
their byte order mark. \`load --encoding latin1\` sets another encoding. A record that can't be read is one bad row, and the rest go on.

## Times, amounts and other values

Each of these is read as the value beside it:

${table(
  ['field', 'written', 'read as'],
  READ_VALUES.map(({ field, value, read }) => [code(field), code(JSON.stringify(value)), code(read)]),
)}

Times without a zone are those of the shop (\`time_zone\` of the config, \`load --time-zone\`). Numbers are seconds, milliseconds, microseconds
or nanoseconds since 1970, by their size. In dates such as \`11/1/2024\` the month is first, unless \`load --date-order dmy\` says otherwise;
with dots the day is first.

These are rejected, because they can mean two things or nothing:

${table(
  ['field', 'written', 'reason'],
  AMBIGUOUS_VALUES.map(({ field, value, reason }) => [
    code(field),
    code(JSON.stringify(value)),
    code(reason),
  ]),
)}

Currencies are codes of ISO 4217 in upper or lower case, their numbers, and these signs: ${SIGNS.map(code).join(', ')}. \`$\`, \`kr\` and \`Fr.\` are signs of several currencies: which of them says the field \`currency\` or the setting of that name, and \`dollar\` for \`$\`. A purchase or refund whose currency has another sign than its amounts or prices is rejected.

## Missing values

These stand for a missing value, in upper or lower case: ${NULL_WORDS.map((word) => code(word)).join(', ')}. In \`user_id\` so do ${NULL_USERS.map((word) => code(word)).join(', ')}.

## Names of fields

Names are compared without regard to case, blanks, \`_\` and \`-\`: \`Event Type\` and \`eventType\` are \`event_type\`. These names are read as well:

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

Event types are compared without regard to case, blanks and punctuation. Any other name is kept as it is, and counted in traffic.

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
