import { identifier } from '../../src/adapters/engine/duckdb/database.ts';
import type { LineChecker } from '../../src/domain/check-line.ts';
import { EVENT_COLUMNS, EVENT_TIME_COLUMN } from '../../src/domain/columns.ts';
import { EVENT_TYPE_ALIASES, FIELDS } from '../../src/domain/fields.ts';
import { parseTimestamp } from '../../src/domain/timestamp.ts';
import { formatMoney, parseMoney } from '../../src/domain/values.ts';

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

/** What the tables must hold for a line that the door accepted, computed without SQL. */
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
    else if (field.kind === 'money') row[field.name] = formatMoney(parseMoney(text) as bigint);
    else if (field.name === 'event_type') row[field.name] = EVENT_TYPE_ALIASES[text] ?? text;
    else row[field.name] = text;
  }
  row.extra = extraOf(line.toString('utf8'));
  return row;
}

const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[{}[\]:,]/g;

/** Fields that the schema does not know, as canonical JSON; null without any. */
function extraOf(line: string): string | null {
  const tokens = line.match(TOKEN)!;
  const members: string[] = [];
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
    if (!FIELDS.some((field) => field.name === name))
      members.push(tokens.slice(start, position).map(canonical).join(''));
  }
  return members.length > 0 ? `{${members.join(',')}}` : null;
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
