import { type Detection, type Format, RECORD_BYTES_MAX, type RecordDecoder } from '../format.ts';
import { isDecidingName } from '../names.ts';
import { lineText } from './cells.ts';
import { isCompleteObject, onOneLine, parseObject } from './json-scan.ts';
import { lineDecoder, sampleLines } from './lines.ts';
import type { Pieces } from './pieces.ts';

/** Members in which log shippers put the line as it was written. */
const MEMBERS = ['log', 'message', 'msg', 'line', 'MESSAGE'];
const LINES_LOOKED_AT = 50;
const BRACE = 0x7b;
/** What the Container Runtime Interface writes before each line; P: the line goes on in the next one. */
const CRI = /^\d{4}-\d{2}-\d{2}T\S+ (stdout|stderr) ([FP]) /;

/** Docker cuts lines at 16 KiB, between characters; only the last part has the line end. */
const DOCKER_PART_BYTES_MIN = 16 * 1024 - 4;

interface InsideDetection extends Detection {
  readonly member: string | null;
  readonly isCri: boolean;
}

/** JSON events that a log shipper has wrapped, line by line. */
export const jsonInside: Format<InsideDetection> = {
  name: 'json-inside',
  description:
    'JSON as text in a member of a JSON line (`log` of Docker, `message`), or behind a prefix (CRI, syslog).',
  detect(sample, options): InsideDetection | null {
    const lines = sampleLines(sample, LINES_LOOKED_AT);
    if (lines.length === 0) return null;
    const isMost = (count: number) => count * 2 >= lines.length;
    const isKnownName = options.isKnownName ?? isDecidingName;
    const objects: (Record<string, unknown> | null)[] = [];
    // A line with a time and a type is an event itself, whatever its message holds. Mostly the first one is.
    const isEvent = lines.some((line) => {
      const object = line[0] === BRACE ? parseObject(line) : null;
      objects.push(object);
      return object && Object.keys(object).filter(isKnownName).length >= 2;
    });
    for (const member of isEvent ? [] : MEMBERS) {
      const inside = objects.filter((object) => isJsonText(object?.[member])).length;
      const docker = objects.filter((object) => object && 'log' in object && 'stream' in object).length;
      if (isMost(inside) || (member === 'log' && inside > 0 && isMost(docker)))
        return { details: [`in the member "${member}"`], member, isCri: false };
    }
    const isCri = lines.every((line) => CRI.test(line.toString('latin1', 0, 200)));
    const behind = lines.filter((line) => {
      const brace = line.indexOf(BRACE);
      return brace > 0 && isPrefix(line.subarray(0, brace)) && isCompleteObject(line.subarray(brace));
    }).length;
    // Of a container's lines, any number may be something else.
    if (!isMost(behind) && !(isCri && behind > 0)) return null;
    return { details: [isCri ? 'behind the prefix of CRI' : 'behind a prefix'], member: null, isCri };
  },
  decoder: ({ member, isCri }) =>
    member !== null ? memberDecoder(member) : isCri ? criDecoder() : prefixDecoder(),
};

/**
 * Whether all lines are as a log shipper writes them, and none holds an event so far: what a container logs at its start may be
 * plain text.
 */
export function mayWrapJson(lines: readonly Buffer[], isKnownName: (name: string) => boolean): boolean {
  return lines.every((line) => {
    if (CRI.test(line.toString('latin1', 0, 200))) return true;
    const object = line[0] === BRACE ? parseObject(line) : null;
    if (object === null || Object.keys(object).filter(isKnownName).length >= 2) return false;
    return MEMBERS.some((member) => typeof object[member] === 'string');
  });
}

function isJsonText(value: unknown): boolean {
  return typeof value === 'string' && value.trimStart().startsWith('{') && parseObject(value) !== null;
}

/** What a log writes before a line is not JSON itself: `[{` begins an array, `,{` is an element. */
function isPrefix(bytes: Buffer): boolean {
  const text = bytes.toString('latin1');
  return (
    text.length <= 1024 && /[\w\]>)|:=-]\s*$/.test(text) && (/^<\d{1,3}>/.test(text) || !text.includes('"'))
  );
}

/** Lines of which some come in several parts, by stream. */
class Parts {
  readonly #open = new Map<string, { text: string; place: number }>();

  /** The whole text once its last part is there, with the place of the first. */
  add(stream: string, text: string, isLast: boolean, place: number): { text: string; place: number } | null {
    const begun = this.#open.get(stream);
    const whole = begun ? { text: begun.text + text, place: begun.place } : { text, place };
    if (isLast || whole.text.length > RECORD_BYTES_MAX) {
      this.#open.delete(stream);
      return whole;
    }
    this.#open.set(stream, whole);
    return null;
  }

  /** Those whose last part did not come. */
  rest(): { text: string; place: number }[] {
    const rest = [...this.#open.values()];
    this.#open.clear();
    return rest;
  }
}

function takeText({ text, place }: { text: string; place: number }, pieces: Pieces): void {
  const bytes = Buffer.from(text.trim());
  if (!text.isWellFormed()) pieces.reject('not_utf8', bytes, place);
  else if (bytes.length > RECORD_BYTES_MAX) pieces.reject('line_too_long', bytes, place);
  else if (isCompleteObject(bytes)) pieces.text(onOneLine(bytes), place);
  else if (bytes.length > 0) pieces.reject('not_json', bytes, place);
}

function memberDecoder(member: string): RecordDecoder {
  const parts = new Parts();
  return lineDecoder(
    (line, place, pieces) => {
      if (lineText(line, place, pieces) === null) return;
      const object = parseObject(line);
      const value = object?.[member];
      if (object === null || typeof value !== 'string') {
        pieces.reject(object === null ? 'not_json' : 'bad_record', line, place);
        return;
      }
      const isPart =
        member === 'log' && !value.endsWith('\n') && Buffer.byteLength(value) >= DOCKER_PART_BYTES_MIN;
      const whole = parts.add(String(object.stream), value, !isPart, place);
      if (whole) takeText(whole, pieces);
    },
    (pieces) => {
      for (const rest of parts.rest()) takeText(rest, pieces);
    },
  );
}

function criDecoder(): RecordDecoder {
  const parts = new Parts();
  return lineDecoder(
    (line, place, pieces) => {
      const text = lineText(line, place, pieces);
      if (text === null) return;
      const prefix = CRI.exec(text);
      if (!prefix) {
        pieces.reject('bad_record', line, place);
        return;
      }
      const whole = parts.add(prefix[1]!, text.slice(prefix[0].length), prefix[2] === 'F', place);
      if (!whole) return;
      const brace = whole.text.indexOf('{');
      takeText({ text: brace > 0 ? whole.text.slice(brace) : whole.text, place: whole.place }, pieces);
    },
    (pieces) => {
      for (const rest of parts.rest()) takeText(rest, pieces);
    },
  );
}

function prefixDecoder(): RecordDecoder {
  return lineDecoder((line, place, pieces) => {
    const brace = line.indexOf(BRACE);
    const text = brace < 0 ? null : line.subarray(brace);
    if (text && isCompleteObject(text)) pieces.text(onOneLine(text), place);
    else pieces.reject('not_json', line, place);
  });
}
