import { BAD_MARK, FIELDS } from '../../src/event/fields.ts';

const TOKEN = /"(?:[^"\\]|\\.)*"|-?(?:nan|inf(?:inity)?)|-?\d[\d.eE+-]*|true|false|null|[{}[\]:,]/gi;

interface Member {
  key: string;
  value: string[];
}

const fieldOf = (key: string) => FIELDS.find((field) => field.name === JSON.parse(key));
const isOdd = (token: string) => /^-?(?:nan|inf)/i.test(token);

/**
 * Which of the listed differences explain that SQL takes a line that ingest refuses: each is corrected in turn, and the
 * corrected line must pass ingest. Gives their names, or null when they do not explain it.
 */
export function differencesOf(line: Buffer, passesDoor: (line: Buffer) => boolean): string[] | null {
  const names = new Set<string>();
  let tokens: string[] = line.toString('utf8').match(TOKEN) ?? [];

  const withoutCommas = tokens.filter((token, i) => token !== ',' || !/^[}\]]$/.test(tokens[i + 1] ?? ''));
  if (withoutCommas.length < tokens.length) names.add('trailing_comma');
  tokens = withoutCommas;

  const members: Member[] = [];
  for (const { key, value } of membersOf(tokens)) {
    const field = fieldOf(key);
    const isReserved = JSON.parse(key) === BAD_MARK;
    if (isReserved && (value[0] === 'null' || names.has('reserved_null'))) names.add('reserved_null');
    else if (field && members.some((member) => fieldOf(member.key) === field)) names.add('duplicate_field');
    else members.push({ key, value });
  }
  for (const member of members) {
    const { key, value } = member;
    const field = fieldOf(key);
    if (field?.kind === 'text' && !value[0]!.startsWith('"') && !/^(?:-?\d+|null)$/.test(value[0]!)) {
      names.add(value.some(isOdd) ? 'nan' : 'wrong_type');
      member.value = ['"x"'];
      continue;
    }
    if (value.some(isOdd)) names.add('nan');
    member.value = value.map((token) => (isOdd(token) ? '0' : token));
  }
  const mended = `{${members.map(({ key, value }) => `${key}:${value.join('')}`).join(',')}}`;
  return names.size > 0 && passesDoor(Buffer.from(mended)) ? [...names] : null;
}

function membersOf(tokens: string[]): Member[] {
  const members: Member[] = [];
  let position = 1;
  while (position < tokens.length && tokens[position] !== '}') {
    if (tokens[position] === ',') position++;
    const key = tokens[position]!;
    const start = position + 2;
    position = start;
    for (let depth = 0; position < tokens.length; position++) {
      if (/^[{[]$/.test(tokens[position]!)) depth++;
      else if (/^[}\]]$/.test(tokens[position]!)) depth--;
      if (depth === 0) break;
    }
    position++;
    members.push({ key, value: tokens.slice(start, position) });
  }
  return members;
}
