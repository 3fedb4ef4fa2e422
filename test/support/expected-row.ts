import type { LineChecker } from '../../src/event/check-line.ts';
import { EVENT_COLUMNS, EVENT_TIME_COLUMN } from '../../src/event/columns.ts';
import { EVENT_TYPE_ALIASES, FIELDS } from '../../src/event/fields.ts';
import { parseTimestamp } from '../../src/event/timestamp.ts';
import { formatMoney, parseMoney } from '../../src/event/values.ts';
import { identifier } from '../../src/metrics/duckdb/database.ts';

/** The columns of an event that come from its line, each as a text or null. */
export type TextRow = Record<string, string | null>;

const VALUE_COLUMNS = [
  ...FIELDS.map((field) => (field.kind === 'timestamp' ? EVENT_TIME_COLUMN : field.name)),
  'extra',
  'event_date',
];

/** A select list that gives VALUE_COLUMNS of a parsed relation as texts after a `|`: times in microseconds since 1970. */
export const VALUE_SELECT = EVENT_COLUMNS.filter((column) => VALUE_COLUMNS.includes(column.name))
  .map(({ name, deltaType }) => {
    const column = identifier(name);
    return `'|' || CAST(${deltaType === 'timestamp' ? `epoch_us(${column})` : column} AS VARCHAR) AS ${column}`;
  })
  .join(', ');

/** What the tables must hold for a line that ingest accepted, computed without SQL. */
export function expectedRow(checker: LineChecker, line: Buffer, timeZone: string): TextRow {
  const row: TextRow = {};
  for (const [index, field] of FIELDS.entries()) {
    const text = checker.text(index);
    if (field.kind === 'timestamp') {
      const micros = parseTimestamp(text!, timeZone)!;
      row[EVENT_TIME_COLUMN] = String(micros);
      row.event_date = new Date(Math.floor(micros / 1000)).toISOString().slice(0, 10);
    } else if (text === null) row[field.name] = null;
    else if (field.kind === 'integer') row[field.name] = String(Number(text) + 0);
    else if (field.kind === 'money' || field.kind === 'decimal')
      row[field.name] = formatMoney(parseMoney(text) as bigint);
    else if (field.kind === 'boolean') row[field.name] = text === 'true' ? text : null;
    else if (field.kind === 'items') row[field.name] = text.match(TOKEN)!.map(canonical).join('');
    else if (field.name === 'event_type') row[field.name] = EVENT_TYPE_ALIASES[text] ?? text;
    else row[field.name] = text;
  }
  const { others, known } = membersOf(line.toString('utf8'));
  const invalid = FIELDS.flatMap(({ name, kind }, index) => {
    const raw = known.get(name);
    const isMissing =
      raw === undefined || ['null', '""', ...(kind === 'boolean' ? ['false'] : [])].includes(raw);
    return isMissing || checker.text(index) !== null ? [] : [`"${name}":${raw}`];
  });
  if (invalid.length > 0) others.push(`"invalid":{${invalid.join(',')}}`);
  row.extra = others.length > 0 ? `{${others.join(',')}}` : null;
  return row;
}

const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[{}[\]:,]/g;

/** The members of a line as canonical JSON: values of known fields, and all others. What is in an object `extra` comes first. */
function membersOf(line: string): { known: Map<string, string>; others: string[] } {
  const known = new Map<string, string>();
  const tokens = line.match(TOKEN)!;
  const members: string[] = [];
  let inner: string[] | undefined;
  let position = 1;
  while (tokens[position] !== '}') {
    if (tokens[position] === ',') position++;
    const name = JSON.parse(tokens[position]!) as string;
    const start = position;
    position += 2;
    for (let depth = 0; ; position++) {
      const token = tokens[position]!;
      if (token === '{' || token === '[') depth++;
      else if (token === '}' || token === ']') depth--;
      if (depth === 0) break;
    }
    position++;
    if (name === 'extra' && tokens[start + 2] === '{' && inner === undefined)
      inner = tokens.slice(start + 3, position - 1);
    else if (FIELDS.some((field) => field.name === name))
      known.set(
        name,
        tokens
          .slice(start + 2, position)
          .map(canonical)
          .join(''),
      );
    else members.push(tokens.slice(start, position).map(canonical).join(''));
  }
  if (inner && inner.length > 0) members.unshift(inner.map(canonical).join(''));
  return { known, others: members };
}

/** Strings with as few escapes as JSON allows; whole numbers as written, others as the nearest double. */
function canonical(token: string): string {
  if (token.startsWith('"')) {
    return JSON.stringify(JSON.parse(token)).replace(/\\(?:u[0-9a-f]{4}|.)/g, (code) =>
      code.startsWith('\\u') ? `\\u${code.slice(2).toUpperCase()}` : code,
    );
  }
  if (!/^-?\d/.test(token)) return token;
  if (/^-?\d+$/.test(token)) return token === '-0' ? '0' : token;
  const value = Number(token);
  if (!Number.isFinite(value)) return token;
  if (Object.is(value, -0)) return '-0.0';
  const text = String(value).replace('e+', 'e');
  return /[.e]/.test(text) ? text : `${text}.0`;
}
