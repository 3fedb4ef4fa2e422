import { isUtf8 } from 'node:buffer';
import { LineChecker } from '../domain/check-line.ts';
import { markedLine, startsWithByteOrderMark } from '../domain/mark-line.ts';
import type { Reason } from '../domain/reasons.ts';
import type { EventLog } from '../ports/event-log.ts';
import type { IngestResult, LineError } from '../ports/source.ts';

const ERRORS_MAX = 100;
const TAB = 0x09;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;

/** Lines as they will be stored, and what was found wrong with them. */
export interface CheckedLines {
  /** NDJSON for the log: good lines as they came, bad ones marked with their verdict. */
  bytes: Buffer[];
  accepted: number;
  rejected: number;
  errors: LineError[];
  /** Rejected lines by reason. */
  reasons: Record<string, number>;
}

export interface DoorOptions {
  log: EventLog;
  timeZone: string;
  lineBytesMax: number;
  now: () => number;
  /** Told once per body. */
  onChecked?: (source: string, checked: CheckedLines) => void;
}

/**
 * The one way into the log: judges every line and stores all of them, good or bad. A verdict given here is final; a
 * bad line is stored as a marked record with its reason.
 */
export class Door {
  readonly #options: DoorOptions;
  readonly #checker: LineChecker;

  constructor(options: DoorOptions) {
    this.#options = options;
    this.#checker = new LineChecker(options.timeZone);
  }

  /** Checks and stores; resolves when durable. Takes over `body` and may change its bytes. */
  async ingest(source: string, body: Buffer): Promise<IngestResult> {
    return this.store(source, this.check(body));
  }

  /** Stores lines that were checked. */
  async store(source: string, checked: CheckedLines): Promise<IngestResult> {
    const lines = checked.accepted + checked.rejected;
    if (lines > 0) await this.#options.log.append({ source, bytes: checked.bytes, lines });
    this.#options.onChecked?.(source, checked);
    const { accepted, rejected, errors, reasons } = checked;
    return { accepted, rejected, errors, reasons };
  }

  /** Judges the lines of an NDJSON body. Empty lines are skipped; `line` of an error counts them. */
  check(body: Buffer): CheckedLines {
    const result: CheckedLines = { bytes: [], accepted: 0, rejected: 0, errors: [], reasons: {} };
    const nowMs = this.#options.now();
    const allUtf8 = isUtf8(body);
    const hasReturn = body.includes(RETURN);
    let position = startsWithByteOrderMark(body) ? 3 : 0;
    let runStart = position;
    let line = 0;
    const endRun = (end: number) => {
      if (end > runStart) result.bytes.push(body.subarray(runStart, end));
    };
    while (position < body.length) {
      let end = body.indexOf(NEWLINE, position);
      const isLast = end < 0;
      if (isLast) end = body.length;
      line++;
      // Of a line end "\r\n" the return is no part of the line.
      const textEnd = hasReturn && end > position && body[end - 1] === RETURN ? end - 1 : end;
      const reason = this.#judge(body, position, textEnd, allUtf8, nowMs);
      if (reason === 'empty') {
        endRun(position);
        runStart = end + 1;
      } else if (reason) {
        const { field } = this.#checker;
        endRun(position);
        result.bytes.push(
          markedLine(reason, field, body.subarray(position, textEnd), this.#options.lineBytesMax),
        );
        result.rejected++;
        result.reasons[reason] = (result.reasons[reason] ?? 0) + 1;
        if (result.errors.length < ERRORS_MAX) {
          result.errors.push({ line, code: reason, ...(field === undefined ? {} : { field }) });
        }
        runStart = end + 1;
      } else {
        result.accepted++;
        // JSON allows a return between tokens; a line of the log must not hold one.
        if (hasReturn) replaceReturns(body.subarray(position, end));
        if (isLast) {
          endRun(end);
          result.bytes.push(LINE_END);
          runStart = end + 1;
        }
      }
      position = end + 1;
    }
    endRun(body.length);
    return result;
  }

  #judge(body: Buffer, start: number, end: number, allUtf8: boolean, nowMs: number): Reason | 'empty' | null {
    this.#checker.field = undefined;
    if (isBlank(body, start, end)) return 'empty';
    if (!allUtf8 && !isUtf8(body.subarray(start, end))) return 'not_utf8';
    if (end - start > this.#options.lineBytesMax) return 'line_too_long';
    return this.#checker.check(body, start, end, nowMs);
  }
}

const LINE_END = Buffer.from('\n');

function replaceReturns(line: Buffer): void {
  for (let at = line.indexOf(RETURN); at >= 0; at = line.indexOf(RETURN, at + 1)) line[at] = SPACE;
}

function isBlank(body: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++)
    if (body[i] !== SPACE && body[i] !== TAB && body[i] !== RETURN) return false;
  return true;
}
