import { LineChecker } from '../../src/domain/check-line.ts';
import { FIELDS } from '../../src/domain/fields.ts';

export const NOW_MS = Date.UTC(2026, 10, 23, 12);
export const checker = new LineChecker('Europe/Berlin');
export const TIME = '"timestamp":"2026-11-23T10:15:30Z"';
export const TYPE = '"event_type":"purchase"';

/** The verdict on a line, as `reason` or `reason:field`; null for an event. */
export function check(line: string | Buffer): string | null {
  const bytes = Buffer.from(line);
  const reason = checker.check(bytes, 0, bytes.length, NOW_MS);
  return reason && (checker.field === undefined ? reason : `${reason}:${checker.field}`);
}

/** The verdict on a good line with one more member, or with another value of a member it has. */
export function withMember(name: string, json: string): string | null {
  const others = [TIME, TYPE].filter((member) => !member.startsWith(`"${name}"`));
  return check(`{${[...others, `"${name}":${json}`].join(',')}}`);
}

/** A text of the line just accepted. */
export function textOf(name: string): string | null {
  return checker.text(FIELDS.findIndex((field) => field.name === name));
}
