import { BAD_MARK } from '../event/fields.ts';
import { isBlankLine } from '../event/lines.ts';
import { lineOfMark, markedLine, markOf } from '../event/mark-line.ts';
import { emptyResult, type ValidationResult } from './validation-result.ts';

const NEWLINE = 0x0a;

/**
 * Validates lines that other programs wrote into the log itself. Each gives one line, in their order, as offsets are counted by lines. A
 * line may be marked as rejected, by whoever wrote it: of such a line nothing but the mark is taken.
 *
 * `validate`: gives the result of whole lines, of which none is blank or marked.
 */
export function validateExternal(
  bytes: Buffer,
  validate: (lines: Buffer) => ValidationResult,
): ValidationResult[] {
  if (!bytes.includes(BAD_MARK) && !hasBlankLine(bytes)) return [validate(bytes)];
  const results: ValidationResult[] = [];
  let runStart = 0;
  for (let start = 0, end: number; start < bytes.length; start = end) {
    end = bytes.indexOf(NEWLINE, start) + 1;
    const rejected = rejectedBefore(bytes.subarray(start, end - 1));
    if (rejected === null) continue;
    if (start > runStart) results.push(validate(bytes.subarray(runStart, start)));
    results.push(rejected);
    runStart = end;
  }
  if (bytes.length > runStart) results.push(validate(bytes.subarray(runStart)));
  return results;
}

/** The result for a line that needs no validation: it is blank or marked. Null for any other. */
function rejectedBefore(line: Buffer): ValidationResult | null {
  const isBlank = isBlankLine(line, 0, line.length);
  const mark = !isBlank && line.includes(BAD_MARK) ? markOf(line.toString()) : null;
  if (!isBlank && mark === null) return null;
  const reason = mark?.reason ?? 'not_json';
  const stored = mark === null ? markedLine(reason, undefined, line, line.length) : lineOfMark(mark);
  return { ...emptyResult(), bytes: [stored], rejected: 1, reasons: { [reason]: 1 } };
}

function hasBlankLine(bytes: Buffer): boolean {
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(NEWLINE, start);
    if (isBlankLine(bytes, start, end)) return true;
    start = end + 1;
  }
  return false;
}
