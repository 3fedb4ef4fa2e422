import { type Answer, PollFault } from './fetch-page.ts';

/** What an answer says, ready for ingest. */
export interface Page {
  /** NDJSON: each line ended by "\n". */
  body: Buffer;
  lines: number;
  /** Null: the answer has no cursor, so it is a plain `GET`. */
  next: string | null;
  oldest: string | null;
  more: boolean;
}

const LINES_TYPES = new Set([
  'application/x-ndjson',
  'application/ndjson',
  'application/jsonl',
  'application/json-lines',
]);
const JSON_TYPE = /^(application|text)\/(json|[a-z0-9.-]+\+json)$/;

/**
 * Reads an answer with status 200: NDJSON, one JSON object, a JSON array, or `{"entries":[...],"next":...}`. An entry
 * that is not JSON still becomes a line, for the log keeps everything; an answer of another kind (a proxy's HTML page,
 * binary data) is no entry at all but a fault.
 */
export function readPage(answer: Answer): Page {
  const { headers, body } = answer;
  const type = (headers.get('content-type') ?? '').split(';')[0]!.trim().toLowerCase();
  const page: Page = {
    body: EMPTY,
    lines: 0,
    next: headers.get('x-next-cursor'),
    oldest: headers.get('x-oldest-cursor'),
    more: headers.get('x-more') === 'true',
  };
  if (LINES_TYPES.has(type)) return withLines(page, asLines(body));
  const first = firstByte(body);
  const looksJson = first === 0x7b || first === 0x5b;
  if (!JSON_TYPE.test(type) && !((type === '' || type === 'text/plain') && looksJson)) {
    throw new PollFault('content', `the answer is no JSON but ${type || 'without a type'}: ${excerpt(body)}`);
  }
  if (page.next !== null && looksJson && first === 0x7b && !isJson(body))
    return withLines(page, asLines(body));
  return withLines(page, jsonLines(body, first, page));
}

const EMPTY = Buffer.alloc(0);
const NEWLINE = Buffer.from('\n');

function jsonLines(body: Buffer, first: number, page: Page): Buffer {
  if (first === 0) return EMPTY;
  if (!isJson(body)) return oneLine(body);
  if (first === 0x5b) return Buffer.concat(members(body, 0).map(({ value }) => oneLine(value)));
  if (first !== 0x7b) return oneLine(body);
  const fields = members(body, 0);
  const field = (name: string) => fields.find(({ key }) => key === name)?.value;
  const entries = field('entries');
  if (entries === undefined || firstByte(entries) !== 0x5b) return oneLine(body);
  page.next ??= cursorText(field('next'));
  page.oldest ??= cursorText(field('oldest'));
  return Buffer.concat(members(entries, 0).map(({ value }) => oneLine(value)));
}

function cursorText(json: Buffer | undefined): string | null {
  if (json === undefined) return null;
  const value: unknown = JSON.parse(json.toString());
  // A number's text, not its value: large cursors are past what a double holds.
  return typeof value === 'string' ? value : typeof value === 'number' ? json.toString().trim() : null;
}

function isJson(body: Buffer): boolean {
  try {
    JSON.parse(body.toString());
    return true;
  } catch {
    return false;
  }
}

/**
 * The members of the array or object at the start of `json`, as their own bytes: to parse and write them again would
 * change numbers (19.90, or an id of 20 digits). `json` must be valid.
 */
export function members(json: Buffer, from: number): { key: string | null; value: Buffer }[] {
  const found: { key: string | null; value: Buffer }[] = [];
  let depth = 0;
  let start = -1;
  let key: string | null = null;
  const end = (at: number) => {
    const value = json.subarray(start, at);
    if (firstByte(value) !== 0) found.push({ key, value });
    start = at + 1;
    key = null;
  };
  for (let i = from; i < json.length; i++) {
    const byte = json[i];
    if (byte === 0x22) {
      for (i++; json[i] !== 0x22; i++) if (json[i] === 0x5c) i++;
    } else if (byte === 0x7b || byte === 0x5b) {
      if (++depth === 1) start = i + 1;
    } else if (byte === 0x7d || byte === 0x5d) {
      if (--depth === 0) {
        end(i);
        break;
      }
    } else if (depth === 1 && byte === 0x2c) end(i);
    else if (depth === 1 && byte === 0x3a && key === null) {
      key = JSON.parse(json.subarray(start, i).toString()) as string;
      start = i + 1;
    }
  }
  return found;
}

/** Outside of strings a line end is only space, and inside of them it is not JSON. */
function oneLine(json: Buffer): Buffer {
  const line = Buffer.concat([json, NEWLINE]);
  for (let i = 0; i < line.length - 1; i++) if (line[i] === 0x0a || line[i] === 0x0d) line[i] = 0x20;
  return line;
}

function asLines(body: Buffer): Buffer {
  return body.length === 0 || body.at(-1) === 0x0a ? body : Buffer.concat([body, NEWLINE]);
}

function withLines(page: Page, body: Buffer): Page {
  page.body = body;
  for (let at = body.indexOf(0x0a); at !== -1; at = body.indexOf(0x0a, at + 1)) page.lines++;
  return page;
}

/** The first byte that is no space; 0 when there is none. */
function firstByte(body: Buffer): number {
  for (const byte of body) if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte;
  return 0;
}

function excerpt(body: Buffer): string {
  return JSON.stringify(body.toString('latin1', 0, 60));
}
