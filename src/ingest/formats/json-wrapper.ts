import { COMMA, OBJECT_OPEN } from '../../event/json-bytes.ts';
import {
  type Decoded,
  type Detection,
  type DetectOptions,
  type Format,
  RECORD_BYTES_MAX,
  type RecordDecoder,
  type Sample,
  type Unreadable,
} from '../format.ts';
import { foldName, isDecidingName } from '../names.ts';
import { HeldBytes } from './held-bytes.ts';
import { type ArrayIn, arraysIn } from './json-arrays-in.ts';
import { BROKEN, isSpace, MORE, ValueScanner } from './json-scan.ts';
import { JsonSplitter } from './json-splitter.ts';
import { Pieces } from './pieces.ts';

const EMPTY = Buffer.alloc(0);
/** Names that say "records are in here", compared in lower case. */
const USUAL_NAMES = new Set(
  'events records data hits batch entries rows results logs logevents messages items'.split(' '),
);

/** Names that say how long a list is, and which part of it this is. */
const PAGING = new Set(
  'total totalcount totalresults count offset limit page pages perpage pagesize size'.split(' '),
);

export interface WrapperDetection extends Detection {
  readonly path: string;
  readonly isKnownName: (name: string) => boolean;
}

/** One object around an array of records. */
export const jsonWrapper: Format<WrapperDetection> = {
  name: 'json-wrapper',
  description:
    'One JSON object with one array of records, up to three names deep: `events`, `Records`, `data`, `hits.hits` and the like.',
  detect,
  decoder: (detection) => new WrapperDecoder(detection),
};

function detect(sample: Sample, options: DetectOptions): WrapperDetection | Unreadable | null {
  if (options.wrapper === false) return null;
  const isKnownName = options.isKnownName ?? isDecidingName;
  const start = startOfObject(sample.bytes, 0);
  if (sample.bytes[start] !== OBJECT_OPEN) return null;
  const found = arraysIn(sample.bytes, start);
  const array = options.wrapper
    ? found.arrays.find(({ path }) => path === options.wrapper)
    : chosenArray(found.arrays, found.scalars, isKnownName);
  if (array === undefined) {
    if (!options.wrapper) return null;
    const there = found.arrays.map(({ path }) => path).join(', ') || 'none';
    return { refusal: `has no array of objects at ${options.wrapper}; arrays found: ${there}` };
  }
  if ('refusal' in array) return array;
  const beside = found.names.filter((name) => name !== array.path.split('.')[0]);
  const details = [`records in ${array.path}`];
  if (beside.length > 0) details.push(`not read: ${beside.join(', ')}`);
  return { details, path: array.path, isKnownName };
}

/** What to do where any of several arrays may hold the records; a source that has a setting for it says that instead. */
export const NAME_ONE = 'name one in a mapping';

/** The array that holds the records; undefined: the object itself seems to be a record. */
function chosenArray(
  arrays: readonly ArrayIn[],
  scalars: readonly string[],
  isKnownName: (name: string) => boolean,
): ArrayIn | Unreadable | undefined {
  const likely = arrays.filter(({ names }) => names?.some(isKnownName));
  const ofRecord = likely.length === 0 ? scalars : scalars.filter((name) => !PAGING.has(foldName(name)));
  const known = ofRecord.filter(isKnownName).length;
  if (known >= 2) return undefined;
  if (likely.length > 1) {
    const paths = likely.map(({ path }) => path).join(', ');
    return {
      refusal: `has several arrays of records: ${paths}; ${NAME_ONE}, such as each: ["${likely[0]!.path}[*]"]`,
    };
  }
  const array = likely[0] ?? (arrays.length === 1 && arrays[0]!.names === null ? arrays[0] : undefined);
  const isUsual = array?.path.split('.').some((name) => USUAL_NAMES.has(name.toLowerCase())) ?? false;
  // An order with one time and its lines is a record itself.
  const mayBeRecord = known > 0 || array?.names === null;
  return mayBeRecord && !isUsual ? undefined : array;
}

function startOfObject(bytes: Buffer, from: number): number {
  let at = from;
  while (isSpace(bytes[at]) || bytes[at] === 0 || bytes[at] === COMMA) at++;
  return at;
}

/** seek: before the array. elements: in it. rest: behind it, to the end of the object; then the next one is sought. */
class WrapperDecoder implements RecordDecoder {
  readonly #detection: WrapperDetection;
  readonly #pieces = new Pieces();
  readonly #held = new HeldBytes();
  readonly #scanner = new ValueScanner();
  #state: 'seek' | 'elements' | 'rest' | 'lost' = 'seek';
  #splitter = new JsonSplitter(this.#pieces, true);
  #place = 1;
  /** rest: what has been scanned of the held bytes. */
  #scanned = 0;
  /** seek: look again only when this many bytes are held, so that short chunks cost no more than long ones. */
  #seekAgainAt = 0;

  constructor(detection: WrapperDetection) {
    this.#detection = detection;
  }

  push(chunk: Buffer): Decoded[] {
    this.#take(chunk, false);
    return this.#pieces.take();
  }

  end(): Decoded[] {
    this.#take(EMPTY, true);
    if (this.#state === 'elements') this.#splitter.end();
    else {
      const rest = this.#held.with(EMPTY);
      const start = startOfObject(rest, 0);
      if (this.#state === 'rest') this.#pieces.reject('cut_off', EMPTY, this.#place);
      else if (this.#state === 'seek' && start < rest.length)
        this.#pieces.reject('bad_record', rest.subarray(start), this.#place);
    }
    return this.#pieces.take();
  }

  #take(chunk: Buffer, isEnd: boolean): void {
    for (let bytes = chunk; ; ) {
      const before = this.#state;
      if (this.#state === 'seek') bytes = this.#seek(bytes, isEnd);
      else if (this.#state === 'elements') bytes = this.#elements(bytes);
      else if (this.#state === 'rest') bytes = this.#rest(bytes);
      else return;
      if (this.#state === before) return;
    }
  }

  #seek(chunk: Buffer, isEnd: boolean): Buffer {
    const bytes = this.#held.with(chunk);
    if (!isEnd && bytes.length < this.#seekAgainAt && bytes.length <= RECORD_BYTES_MAX) {
      this.#held.keep(bytes);
      return EMPTY;
    }
    const start = startOfObject(bytes, 0);
    const found = bytes[start] === OBJECT_OPEN ? arraysIn(bytes, start).arrays : [];
    const array = found.find(({ path }) => path === this.#detection.path);
    if (array) {
      // Only the object without its elements is held, to find its end and what else is in it.
      const head = Buffer.from(bytes.subarray(0, array.start));
      const rest = Buffer.from(bytes.subarray(array.start + 1));
      this.#place += countLines(head);
      this.#held.keep(Buffer.concat([head.subarray(start), Buffer.from('[]')]));
      this.#splitter = new JsonSplitter(this.#pieces, true);
      this.#splitter.place = this.#place;
      this.#state = 'elements';
      return rest;
    }
    if (bytes.length > RECORD_BYTES_MAX) {
      this.#pieces.reject('line_too_long', bytes, this.#place);
      this.#held.keep(EMPTY);
      this.#state = 'lost';
      return EMPTY;
    }
    this.#seekAgainAt = Math.min(bytes.length * 2, RECORD_BYTES_MAX);
    this.#held.keep(bytes);
    return EMPTY;
  }

  #elements(chunk: Buffer): Buffer {
    const rest = this.#splitter.push(chunk);
    if (!this.#splitter.isClosed) return EMPTY;
    this.#place = this.#splitter.place;
    this.#state = 'rest';
    this.#scanner.start();
    this.#scanner.run(this.#held.with(EMPTY), 0);
    this.#scanned = this.#held.length;
    return Buffer.from(rest);
  }

  #rest(chunk: Buffer): Buffer {
    const bytes = this.#held.with(chunk);
    const from = this.#scanned;
    const result = this.#scanner.run(bytes, from);
    this.#scanned = this.#scanner.position;
    this.#place += countLines(bytes.subarray(from, this.#scanned));
    if (result === MORE && bytes.length <= RECORD_BYTES_MAX) {
      this.#held.keep(bytes);
      return EMPTY;
    }
    const object = bytes.subarray(0, this.#scanned);
    if (result === MORE || result === BROKEN) {
      this.#pieces.reject(result === MORE ? 'line_too_long' : 'not_json', object, this.#place);
      this.#held.keep(EMPTY);
      this.#state = 'lost';
      return EMPTY;
    }
    for (const { names, start, end } of arraysIn(object, 0).arrays)
      if (names?.some(this.#detection.isKnownName))
        this.#pieces.reject('bad_record', object.subarray(start, end), this.#place);
    const next = Buffer.from(bytes.subarray(this.#scanned));
    this.#held.keep(EMPTY);
    this.#seekAgainAt = 0;
    this.#state = 'seek';
    return next;
  }
}

function countLines(bytes: Buffer): number {
  let lines = 0;
  for (let i = bytes.indexOf(0x0a); i !== -1; i = bytes.indexOf(0x0a, i + 1)) lines++;
  return lines;
}
