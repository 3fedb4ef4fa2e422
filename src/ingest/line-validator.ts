import { isUtf8 } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { LineChecker } from '../event/check-line.ts';
import { BOT, EVENT_ID, EVENT_TYPE, ORDER_ID, USER_AGENT } from '../event/field-index.ts';
import { FIELDS, ORDER_EVENT_TYPES } from '../event/fields.ts';
import { givenId } from '../event/given-id.ts';
import { isBlankLine, replaceReturns } from '../event/lines.ts';
import { markedWithin, markOf, startsWithByteOrderMark } from '../event/mark-line.ts';
import type { Reason } from '../event/reasons.ts';
import { newPlainLineProgram } from '../system/plain-line-program.ts';
import { ApiError } from '../telemetry/errors.ts';
import type { Decoded, JsonTexts, PlainRow, SourceRecord } from './format.ts';
import { LineCollector } from './line-collector.ts';
import { targetOf } from './names.ts';
import type { ObservedEvent } from './observed-event.ts';
import { Observer } from './observer.ts';
import { parseRecord } from './parse-record.ts';
import { amountNote, needsValues } from './plain-line.ts';
import { saysMore } from './record-slots.ts';
import { rejectedExample } from './rejected-example.ts';
import { RowLines } from './row-lines.ts';
import type { ValidateOptions, ValidatorOptions } from './validate-options.ts';
import { emptyResult, exampleOf, type ValidationResult } from './validation-result.ts';

const ERRORS_MAX = 100;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const LINE_END = Buffer.from('\n');

/** Reasons that hold however the values are read. */
const FINAL: readonly (Reason | null)[] = ['duplicate_field', 'reserved_field', 'too_deep', 'not_an_object'];
/** A line stays as it is; a blank one is skipped. */
const KEPT = 1;
const EMPTY = 2;

/**
 * Validates what the formats give, and brings it to its canonical form. Lines that are canonical JSON, or nearly, are read from their
 * bytes; all else goes through the normalizer.
 */
export class LineValidator {
  readonly #options: ValidatorOptions;
  readonly #checker: LineChecker;
  readonly #rows: RowLines;
  /** Fields that the events of the input have; the checker notes those that it has read. */
  readonly #seen: Uint8Array;
  readonly #lineBytesMax: number;
  #nowMs = 0;
  #result = emptyResult();
  #kept = new LineCollector();
  #observer = new Observer({ zone: 'UTC' });
  #skip = 0;
  #linesMax = 0;
  #linesLeft = 0;
  /** The bytes of the record at work, as they came, are those from `#rawStart` to `#rawEnd`. */
  #raw: Buffer = Buffer.alloc(0);
  #rawStart = 0;
  #rawEnd = 0;
  #ids: ValidateOptions['ids'];
  /** The field at fault of the line just rejected. */
  #field: string | undefined;

  constructor(options: ValidatorOptions) {
    this.#options = options;
    this.#checker = new LineChecker(options.timeZone, newPlainLineProgram());
    this.#rows = new RowLines(options.normalizer, options.storedBytesMax);
    this.#seen = this.#checker.spans.seen;
    this.#lineBytesMax = Math.min(options.lineBytesMax, options.storedBytesMax - 1);
  }

  /** Validates pieces of one input, in order. Takes over their bytes and may change them. `observer` has seen what came before. */
  validate(
    input: readonly Decoded[],
    observer: Observer,
    {
      linesMax = Number.POSITIVE_INFINITY,
      takesMarked = false,
      nowMs = this.#options.now(),
      skip = 0,
      ids,
      withdrawn = [],
    }: ValidateOptions = {},
  ): ValidationResult {
    this.#skip = skip;
    this.#ids = ids;
    this.#linesMax = linesMax;
    this.#nowMs = nowMs;
    this.#result = emptyResult();
    this.#kept = new LineCollector();
    this.#observer = observer;
    this.#linesLeft = linesMax;
    this.#seen.fill(0);
    for (const piece of input) {
      if (piece.kind === 'json') this.#json(piece, takesMarked);
      else if (piece.kind === 'records') for (const record of piece.records) this.#record(record);
      else {
        this.#countLine();
        const { reason, raw, place, why } = piece;
        if (!this.#skips()) this.#reject(reason, undefined, raw, place, null, why);
      }
    }
    const result = this.#result;
    for (const order of withdrawn) observer.withdrawals.takeOrder(order);
    observer.withdrawals.reportFresh(result.late);
    result.bytes = this.#kept.take();
    result.fields = FIELDS.filter((_, index) => this.#seen[index] === 1).map(({ name }) => name);
    return result;
  }

  /** Counts a line or record, empty ones included; throws where the input has too many. */
  #countLine(): void {
    if (--this.#linesLeft < 0)
      throw new ApiError('too_large', `The body has more than ${this.#linesMax} lines, which is the limit.`);
  }

  #json({ bytes: body, places }: JsonTexts, takesMarked: boolean): void {
    const allUtf8 = isUtf8(body);
    const hasReturn = body.includes(RETURN);
    const placeOf = (line: number) => ('first' in places ? places.first + line - 1 : places[line - 1]!);
    let position = startsWithByteOrderMark(body) ? 3 : 0;
    // Lines that are kept as they came, one after the other, are kept in one piece.
    let runStart = position;
    let line = 0;
    const endRun = (end: number) => {
      if (end > runStart) this.#kept.addPart(body, runStart, end);
    };
    while (position < body.length) {
      let end = body.indexOf(NEWLINE, position);
      const isLast = end < 0;
      if (isLast) end = body.length;
      line++;
      this.#countLine();
      // Of a line end "\r\n" the return does not belong to the line.
      const textEnd = hasReturn && end > position && body[end - 1] === RETURN ? end - 1 : end;
      const outcome = this.#line(body, position, textEnd, allUtf8, takesMarked);
      if (outcome === KEPT) {
        // JSON allows a return between tokens; a line of the log must not hold one.
        if (hasReturn) replaceReturns(body.subarray(position, end));
        if (isLast) {
          endRun(end);
          this.#kept.add(LINE_END);
          runStart = end + 1;
        }
      } else {
        endRun(position);
        runStart = end + 1;
        if (typeof outcome === 'string') {
          // Of the line as it was sent, not as this method left it.
          this.#reject(outcome, this.#field, body.subarray(position, textEnd), placeOf(line));
        } else if (outcome !== EMPTY) {
          if (hasReturn) replaceReturns(outcome);
          this.#result.example ??= exampleOf(body.subarray(position, textEnd), outcome);
          this.#kept.addLine(outcome);
        }
      }
      position = end + 1;
    }
    endRun(body.length);
  }

  /** What becomes of a line: it is kept as it is, skipped, stored as another text, or rejected. */
  #line(
    body: Buffer,
    start: number,
    end: number,
    allUtf8: boolean,
    takesMarked: boolean,
  ): typeof KEPT | typeof EMPTY | Buffer | Reason {
    const checker = this.#checker;
    this.#field = undefined;
    if (isBlankLine(body, start, end) || this.#skips()) return EMPTY;
    if (!allUtf8 && !isUtf8(body.subarray(start, end))) return 'not_utf8';
    if (end - start > this.#lineBytesMax)
      return takesMarked && this.#isMarked(body, start, end) ? KEPT : 'line_too_long';
    this.#setRaw(body, start, end);
    const reason = checker.check(body, start, end, this.#nowMs);
    this.#field = checker.field;
    if (reason === 'reserved_field' && takesMarked && this.#isMarked(body, start, end)) return KEPT;
    // What another validator of ours has read stands as it is: this one may have other settings.
    const isRead = takesMarked && reason === null;
    return this.#checked(reason, isRead, false) ?? this.#normalizeLine(body, start, end, reason);
  }

  /**
   * What becomes of the line just checked, where that gave `reason`; null where it is to be read by its values. `isRead`: it needs no
   * second look; `isRow`: it was written for a row.
   */
  #checked(reason: Reason | null, isRead: boolean, isRow: boolean): typeof KEPT | Buffer | Reason | null {
    const checker = this.#checker;
    const { normalizer, storedBytesMax } = this.#options;
    if (!isRead && !FINAL.includes(reason) && (checker.needsNormalizing || !normalizer.keepsPlainLines))
      return null;
    if (reason !== null) return reason;
    if (!isRead && needsValues(checker, isRow)) return null;
    const type = isRead ? checker.text(EVENT_TYPE)! : this.#typeOf(checker);
    if (type === null) return null;
    let line: Buffer | typeof KEPT = KEPT;
    const eventId = this.#ids === undefined ? null : this.#eventIdFor(checker, type);
    if (!checker.isCanonical || eventId !== null) {
      line = checker.canonical(eventId);
      if (line.length >= storedBytesMax) return 'line_too_long';
      if (eventId !== null) this.#seen[EVENT_ID] = 1;
      if (checker.isBot) this.#seen[BOT] = 1;
    }
    if (isRow) for (const note of this.#rows.notes()) this.#observer.note(note, true, this.#result.tally);
    this.#accepted(checker, type);
    return line;
  }

  /** Our name of the type of the line just checked; null where the line would get another one than its source means. */
  #typeOf(checker: LineChecker): string | null {
    const { normalizer } = this.#options;
    if (checker.eventType !== null && !normalizer.hasOwnEventTypes) return checker.eventType;
    const type = checker.text(EVENT_TYPE)!;
    const { name, isKnown, nearest } = normalizer.readEventType(type);
    if (name !== (checker.eventType ?? type)) return null;
    if (!isKnown) {
      const note = { code: 'unknown_event_type', field: type, value: type, nearest } as const;
      this.#observer.note(note, false, this.#result.tally);
    }
    return name;
  }

  /** A line that is to be read by its values. `reason`: what is wrong with its bytes. */
  #normalizeLine(body: Buffer, start: number, end: number, reason: Reason | null): Buffer | Reason {
    let fields: Record<string, unknown>;
    try {
      fields = parseRecord(body.toString('utf8', start, end));
    } catch (error) {
      if (reason === null) throw error;
      return reason;
    }
    const line = this.#normalize(fields, false);
    if (typeof line !== 'string') this.#learn(fields);
    return line;
  }

  /** What normalizing has left as it was need not be normalized again. */
  #learn(fields: Readonly<Record<string, unknown>>): void {
    for (const name in fields) {
      const { index, rank, nearest } = targetOf(name);
      if (index >= 0) {
        if (rank > 0) this.#checker.learnFieldName(name, index);
      } else if (nearest === null && !saysMore(name)) this.#checker.learnOtherName(name);
    }
    this.#learnTexts();
  }

  /** Texts of the line just checked, and then normalized, that are as they were. */
  #learnTexts(): void {
    const { normalizer } = this.#options;
    const type = this.#checker.text(EVENT_TYPE);
    if (type !== null && type === normalizer.text(EVENT_TYPE)) this.#checker.learn('event_type', type);
    const agent = this.#checker.text(USER_AGENT);
    if (agent !== null && agent === normalizer.text(USER_AGENT))
      this.#checker.learn(normalizer.isBotAgent ? 'bot' : 'user_agent', agent);
  }

  #record(record: SourceRecord): void {
    const { place, plainRow } = record;
    this.#countLine();
    if (this.#skips()) return;
    this.#field = undefined;
    if (this.#ids !== undefined) this.#setRaw(record.raw, 0, record.raw.length);
    const isTaken = plainRow === undefined ? undefined : this.#row(record, plainRow);
    if (isTaken) return;
    const { raw, fields } = record;
    const outcome = raw.length > this.#lineBytesMax ? 'line_too_long' : this.#normalize(fields, true);
    if (typeof outcome === 'string') {
      this.#reject(outcome, this.#field, raw, place, fields);
      return;
    }
    if (isTaken === false) this.#learnTexts();
    this.#result.example ??= exampleOf(raw, outcome);
    this.#kept.addLine(outcome);
  }

  /** Takes a row by its bytes; false where these were checked, and its values are to be read, undefined where they were not. */
  #row(record: SourceRecord, row: PlainRow): boolean | undefined {
    if (row.length > this.#lineBytesMax) return undefined;
    const length = this.#rows.write(row, this.#observer.isUnusedKnown);
    if (length === 0) return undefined;
    const { bytes } = this.#rows;
    const isEvent = this.#checker.check(bytes, 0, length, this.#nowMs) === null;
    const outcome = isEvent ? this.#checked(null, false, true) : null;
    const isTaken = outcome !== null && typeof outcome !== 'string';
    this.#rows.learn(isTaken);
    if (!isTaken) return false;
    const [line, end] = outcome === KEPT ? [bytes, length] : [outcome, outcome.length];
    this.#result.example ??= exampleOf(record.raw, line.subarray(0, end));
    this.#kept.addLine(line, end);
    return true;
  }

  /** Counts a record; whether it is one that is not to be looked at. */
  #skips(): boolean {
    this.#result.records++;
    if (this.#skip === 0) return false;
    this.#skip--;
    this.#result.skipped++;
    return true;
  }

  /** The canonical line of a record; or why it is not an event. */
  #normalize(fields: Readonly<Record<string, unknown>>, isTable: boolean): Buffer | Reason {
    const { normalizer, storedBytesMax } = this.#options;
    const normalized = normalizer.normalize(fields, this.#nowMs, (type) =>
      this.#eventIdFor(normalizer, type),
    );
    const { tally, invalidFields } = this.#result;
    if ('reason' in normalized) {
      this.#field = normalized.field;
      return normalized.reason;
    }
    if (normalized.line.length >= storedBytesMax) return 'line_too_long';
    for (let index = 0; index < FIELDS.length; index++) if (normalizer.has(index)) this.#seen[index] = 1;
    for (const note of normalized.notes) {
      if (note.code === 'invalid_field' || note.code === 'ambiguous_number')
        invalidFields[note.field] = (invalidFields[note.field] ?? 0) + 1;
      this.#observer.note(note, isTable, tally);
    }
    this.#accepted(normalizer, normalizer.text(EVENT_TYPE)!);
    return normalized.line;
  }

  #setRaw(bytes: Buffer, start: number, end: number): void {
    this.#raw = bytes;
    this.#rawStart = start;
    this.#rawEnd = end;
  }

  /** An id for an event that has neither one nor an order by which it is known; else null. */
  #eventIdFor(event: ObservedEvent, type: string): string | null {
    if (this.#ids === undefined || event.has(EVENT_ID)) return null;
    if (ORDER_EVENT_TYPES.includes(type) && event.has(ORDER_ID)) return null;
    const index = this.#result.records - 1;
    if (!('prefix' in this.#ids)) return this.#ids[index]!;
    return givenId(
      this.#ids.prefix,
      this.#ids.next + index,
      crc32(this.#raw.subarray(this.#rawStart, this.#rawEnd)),
    );
  }

  #accepted(event: ObservedEvent, type: string): void {
    this.#result.accepted++;
    const isPlain = event === this.#checker;
    const note = isPlain && !this.#options.normalizer.isUnitSaid ? amountNote(this.#checker, type) : null;
    if (note !== null) this.#observer.note(note, false, this.#result.tally);
    this.#observer.observe(event, type, this.#nowMs, this.#result.tally);
  }

  #reject(
    given: Reason,
    field: string | undefined,
    raw: Buffer,
    place: number,
    fields: SourceRecord['fields'] | null = null,
    why?: string,
  ): void {
    const result = this.#result;
    // Only bad rows with this reason keep bytes that are not text.
    const reason = isUtf8(raw) ? given : 'not_utf8';
    this.#kept.add(markedWithin(reason, field, raw, this.#lineBytesMax, this.#options.storedBytesMax));
    this.#countRejected(reason);
    if (result.errors.length < ERRORS_MAX) {
      const example = why ?? rejectedExample(field, raw, fields);
      const first = this.#ids !== undefined && 'prefix' in this.#ids ? this.#ids.next : 1;
      const record = first + result.records - 1;
      result.errors.push({
        line: place,
        record,
        code: reason,
        ...(field === undefined ? {} : { field }),
        example,
      });
    }
  }

  #countRejected(reason: Reason): void {
    const { reasons } = this.#result;
    this.#result.rejected++;
    reasons[reason] = (reasons[reason] ?? 0) + 1;
  }

  /** Counts a line that was marked as rejected before; false where it is not one. */
  #isMarked(body: Buffer, start: number, end: number): boolean {
    if (end - start >= this.#options.storedBytesMax) return false;
    const mark = markOf(body.toString('utf8', start, end));
    if (mark === null) return false;
    this.#countRejected(mark.reason);
    return true;
  }
}
