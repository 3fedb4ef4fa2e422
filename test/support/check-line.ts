import assert from 'node:assert/strict';
import { LineChecker } from '../../src/event/check-line.ts';
import { FIELDS } from '../../src/event/fields.ts';

export const NOW_MS = Date.UTC(2026, 10, 23, 12);
export const checker = new LineChecker('Europe/Berlin');
export const TIME = '"timestamp":"2026-11-23T10:15:30Z"';
export const TYPE = '"event_type":"purchase"';

/** The result on a line, as `reason` or `reason:field`; null for an event. */
export function check(line: string | Buffer): string | null {
  const bytes = Buffer.from(line);
  const reason = checker.check(bytes, 0, bytes.length, NOW_MS);
  return reason && (checker.field === undefined ? reason : `${reason}:${checker.field}`);
}

/** The result on a good line with one more member, or with another value of a member it has. */
export function withMember(name: string, json: string): string | null {
  const others = [TIME, TYPE].filter((member) => !member.startsWith(`"${name}"`));
  return check(`{${[...others, `"${name}":${json}`].join(',')}}`);
}

/** The same, where `invalid` stands for a line that is an event without this member, whose value is kept. */
export function gradeOf(name: string, json: string): string | null {
  const reason = withMember(name, json);
  if (reason !== null) return reason;
  const { [name]: value, extra } = JSON.parse(checker.canonical().toString());
  if (extra?.invalid === undefined) return null;
  assert.equal(value, undefined);
  assert.deepEqual(extra, { invalid: { [name]: JSON.parse(json) } });
  assert.equal(checker.needsNormalizing, true);
  return 'invalid';
}

/** Whether the line with the members is to be read by its values; it must be an event. */
export function needsNormalizing(members: string, type = TYPE): boolean {
  assert.equal(check(`{${TIME},${type}${members === '' ? '' : ','}${members}}`), null, members);
  return checker.needsNormalizing;
}

/** A text of the line just accepted. */
export function textOf(name: string): string | null {
  return checker.text(FIELDS.findIndex((field) => field.name === name));
}
