/**
 * Writes the reference pages of docs/ from the declarations they describe:
 *   node scripts/generate-docs.ts            writes them
 *   node scripts/generate-docs.ts --check    fails when one is not up to date
 * To add a page, add a function to PAGES.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { CONFIG_SCHEMA } from '../src/app.ts';
import { BAD_ROW_COLUMNS, type Column, EVENT_COLUMNS } from '../src/domain/columns.ts';
import { DIFFERENCES } from '../src/domain/differences.ts';
import { API_ERRORS } from '../src/domain/errors.ts';
import {
  BAD_MARK,
  BAD_MARK_FIELD,
  BAD_MARK_RAW,
  DEPTH_MAX,
  EVENT_TYPE_ALIASES,
  FIELDS,
  type Field,
  FUTURE_TOLERANCE_MS,
  MONEY_PRECISION,
  MONEY_SCALE,
} from '../src/domain/fields.ts';
import { REASONS } from '../src/domain/reasons.ts';

const PAGES: Record<string, () => string> = {
  'events.md': eventsPage,
  'config.md': configPage,
  'errors.md': errorsPage,
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

An event is one JSON object on one line. A line that is not as told here is a bad row: it is kept with its reason, and
counted, but no metric contains it.

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

- An empty text counts as missing, and so does \`null\`.
- A text field also takes a whole number, as its text. Limits of texts count bytes of UTF-8.
- An integer is a number without point or exponent, or a text of digits.
- Fields that are not in the table are kept in \`extra\`, a JSON object: their values as they were, numbers with a point or an
  exponent as the nearest double.
- Objects and arrays may be nested ${DEPTH_MAX} deep, the event itself included.
- A field of the table that occurs twice makes the line a bad row.

## Timestamps

${table(
  ['form', 'example', ''],
  [
    [
      'ISO 8601 with a zone',
      '`2026-11-23T10:15:30.250Z`, `2026-11-23 11:15:30+01:00`',
      'up to 9 decimals, cut to microseconds; offsets up to 15:59, as `+01:00`, `+0100` or `+01`',
    ],
    [
      'seconds since 1970',
      '`1763892930`, `"1763892930.25"`',
      'up to 10 digits before the point and 6 after it',
    ],
    [
      'milliseconds since 1970',
      '`1763892930250`',
      '11 to 14 digits before the point; decimals past microseconds are cut',
    ],
    [
      'MM/DD/YYYY',
      '`11/23/2026`',
      'the first instant of that day in the time zone of the shop (`time_zone` of the config)',
    ],
  ],
)}

A time without a zone is refused: nobody could tell which one was meant. So is a time before 1970, a second 60, a date that
does not exist, and a time more than ${FUTURE_TOLERANCE_MS / 60_000} minutes ahead of its receipt. Where clocks are put back at midnight, a day begins at the first
of its two midnights; where they are put forward, at the instant of the change.

## Money

A number or a text such as \`19.90\` or \`"-3.5"\`, kept as DECIMAL(${MONEY_PRECISION},${MONEY_SCALE}) and rounded half away from zero. A number with a point
or an exponent is read as the nearest double, which is exact to 15 digits: send a text where that is not enough. In a text
an exponent is taken only where almost nothing is left (\`5.7e-14\`), as floating-point arithmetic writes it.

## Event types

Any text is an event type. These names, of Segment's [E-Commerce spec](https://segment.com/docs/connections/spec/ecommerce/v2/), are mapped to ours:

${table(
  ['sent', 'kept'],
  Object.entries(EVENT_TYPE_ALIASES).map(([from, to]) => [code(from), code(to)]),
)}

## Bad rows

${table(
  ['reason', 'meaning'],
  Object.entries(REASONS).map(([name, meaning]) => [code(name), meaning]),
)}

The collector answers \`{"accepted":n,"rejected":n,"errors":[{"line":n,"code":"...","field":"..."}]}\`, with the first 100 errors. With
\`?strict=true\` one bad line refuses the whole request, and nothing is stored.

The log keeps a bad line as a marked record, so that its verdict is final:

\`\`\`json
${JSON.stringify({ [BAD_MARK]: 'bad_number', [BAD_MARK_FIELD]: 'price', [BAD_MARK_RAW]: '{"price":"19,90"}' })}
\`\`\`

\`${BAD_MARK_RAW}\` is the line as it came, without its line end. Of a line that is too long the beginning is kept; a line that is
not UTF-8 (\`not_utf8\`) is kept as base64. A line that has the field \`${BAD_MARK}\` itself is refused.

## Tables of the archive

Both are Delta Lake tables, partitioned by \`event_date\`.

### events

${columnsTable(EVENT_COLUMNS)}

### bad_rows

${columnsTable(BAD_ROW_COLUMNS)}

## Records that others wrote

Each line is judged when it comes in, and again, by the same rules in SQL, when the log is read: records of a topic that
others write too passed no door of ours. Both give the same verdict and the same values, but for this list:

${table(
  ['difference', 'the door says', 'in a record that passed no door', 'example'],
  DIFFERENCES.map(({ name, reason, description, line }) => [
    code(name),
    code(reason),
    description,
    code(line),
  ]),
)}

Day starts of \`MM/DD/YYYY\` follow the time zone data of the program that judges, Node.js or DuckDB; they differ where a country has
changed its rules since the older of the two was built.
`;
}

function limitsOf(field: Field): string {
  if (field.kind === 'text') return `${field.bytesMax} bytes`;
  if (field.kind === 'integer') return `${field.min} to ${field.max}`;
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

/** The part of JSON Schema that our config uses. */
interface Setting {
  type?: string;
  description?: string;
  default?: unknown;
  const?: unknown;
  enum?: unknown[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  properties?: Record<string, Setting>;
  required?: string[];
  items?: Setting;
  anyOf?: Setting[];
  oneOf?: Setting[];
}

function configPage(): string {
  const schema = z.toJSONSchema(CONFIG_SCHEMA, { io: 'input', unrepresentable: 'any' }) as Setting;
  return `# Config

One YAML file, named by \`--config FILE\` or TILLSTREAM_CONFIG. Every setting is optional; a name that is not listed here is refused.
\`\${NAME}\` in a value stands for the environment variable NAME: keep secrets there.

${settingsOf(schema, '').join('\n\n')}
`;
}

/** A table of the settings of one level, then the levels below it. */
function settingsOf(schema: Setting, path: string): string[] {
  const rows: string[][] = [];
  const below: string[] = [];
  const settings = Object.entries(schema.properties ?? {});
  settings.sort(([a], [b]) => Number(b === 'kind') - Number(a === 'kind'));
  for (const [name, setting] of settings) {
    const place = path ? `${path}.${name}` : name;
    const kinds = setting.items?.oneOf ?? setting.items?.anyOf ?? setting.oneOf ?? setting.anyOf;
    const list = setting.items !== undefined;
    rows.push([code(name), typeOf(setting), defaultOf(name, setting, schema), setting.description ?? '']);
    if (kinds) {
      for (const kind of kinds) {
        const label = String(kind.properties?.kind?.const ?? kind.properties?.kind?.default);
        below.push(`## ${place}, kind ${label}`, ...described(kind), ...settingsOf(kind, place));
      }
    } else if (list && setting.items?.properties) {
      below.push(`### Each of ${place}`, ...described(setting.items), ...settingsOf(setting.items, place));
    } else if (setting.properties) {
      below.push(`${path ? '###' : '##'} ${place}`, ...described(setting), ...settingsOf(setting, place));
    }
  }
  return [table(['setting', 'value', 'default', 'meaning'], rows), ...below];
}

function described({ description }: Setting): string[] {
  return description ? [description] : [];
}

function typeOf(setting: Setting): string {
  if (setting.const !== undefined) return code(String(setting.const));
  if (setting.enum) return setting.enum.map((value) => code(String(value))).join(', ');
  if (setting.items)
    return setting.items.properties || setting.items.oneOf
      ? 'list, see below'
      : `list of ${typeOf(setting.items)}`;
  if (setting.properties) return 'see below';
  if (setting.type === 'boolean') return '`true` or `false`';
  const number = setting.type === 'integer' || setting.type === 'number';
  if (!number) return setting.pattern ? `text like ${code(setting.pattern)}` : 'text';
  const unbounded = Number.MAX_SAFE_INTEGER;
  const least =
    setting.minimum ??
    (setting.exclusiveMinimum === undefined ? undefined : `more than ${setting.exclusiveMinimum}`);
  const most = setting.maximum === unbounded ? undefined : setting.maximum;
  const range = most === undefined ? (least === undefined ? '' : `, from ${least}`) : `, ${least} to ${most}`;
  return `${setting.type}${range.replace('from more', 'more')}`;
}

function defaultOf(name: string, setting: Setting, parent: Setting): string {
  if (setting.properties || setting.const !== undefined) return '';
  if (name === 'threads' && setting.default === availableParallelism()) return 'one per core';
  if (setting.default !== undefined) return code(JSON.stringify(setting.default));
  return parent.required?.includes(name) ? 'required' : '';
}

function errorsPage(): string {
  return `# Errors of the HTTP API

Every error is answered as \`{"error":{"code":"...","message":"...","hint":"..."}}\`. With 429 and 503 the header Retry-After tells how many
seconds to wait; nothing of the request was stored.

${table(
  ['code', 'status', 'what to do'],
  Object.entries(API_ERRORS).map(([name, { status, hint }]) => [code(name), String(status), hint]),
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
