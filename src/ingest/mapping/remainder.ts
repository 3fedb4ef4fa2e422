import { FIELDS } from '../../event/fields.ts';
import { foldName, targetOf } from '../names.ts';
import { isObject } from '../record-slots.ts';
import type { PathAlternative } from './path.ts';

interface Used {
  /** All of it is used. */
  isWhole: boolean;
  readonly members: Map<string, Used>;
}

/**
 * A function that gives what a record has besides the values at `alternatives`: fields that the mapping does not name by their names, and the rest
 * in `extra`. Of an object of which a part is used the others stay.
 */
export function createRemainder(
  alternatives: readonly PathAlternative[],
  named: ReadonlySet<string>,
): (record: unknown) => Record<string, unknown> {
  const used: Used = { isWhole: false, members: new Map() };
  for (const { steps, text } of alternatives) {
    let at = used;
    for (const step of steps) {
      if (typeof step !== 'string') break;
      let next = at.members.get(step);
      if (next === undefined) {
        next = { isWhole: false, members: new Map() };
        at.members.set(step, next);
      }
      at = next;
    }
    at.isWhole = true;
    // A column whose name is that text.
    if (steps.length > 1) used.members.set(text, { isWhole: true, members: new Map() });
  }
  return (record) => {
    // Without a prototype: a member may have any name.
    const rest = Object.create(null) as Record<string, unknown>;
    if (!isObject(record)) return rest;
    let extra: Record<string, unknown> | null = null;
    for (const name of Object.keys(record)) {
      const known = used.members.get(name);
      if (known?.isWhole) continue;
      const left = known === undefined ? record[name] : without(record[name], known);
      if (left === undefined) continue;
      const field = known === undefined ? fieldOf(name) : null;
      // A field is read by its own name where the mapping says nothing of it.
      if (field !== null && !named.has(field)) rest[name] = left;
      else {
        extra ??= Object.create(null) as Record<string, unknown>;
        if (name === 'extra' && isObject(left)) Object.assign(extra, left);
        else extra[name] = left;
      }
    }
    if (extra !== null) rest.extra = extra;
    return rest;
  };
}

/** The field whose very name this is, in some spelling. */
function fieldOf(name: string): string | null {
  const { index } = targetOf(name);
  if (index < 0) return null;
  const field = FIELDS[index]!.name;
  return foldName(field) === foldName(name) ? field : null;
}

/** A value without what is used of it; undefined where nothing is left. */
function without(value: unknown, used: Used): unknown {
  if (!isObject(value)) return value;
  let rest: Record<string, unknown> | undefined;
  for (const name of Object.keys(value)) {
    const known = used.members.get(name);
    if (known?.isWhole) continue;
    const left = known === undefined ? value[name] : without(value[name], known);
    if (left === undefined) continue;
    rest ??= Object.create(null) as Record<string, unknown>;
    rest[name] = left;
  }
  return rest;
}
