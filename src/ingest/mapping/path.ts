import { didYouMean } from '../../telemetry/nearest.ts';
import { FILTER_NAMES, type Filter, filterOf, givesMembers } from './filters.ts';

const EACH: unique symbol = Symbol('each');
/** A step of a path: the name of a member, a place in a list, or all elements of a list. */
type Step = string | number | typeof EACH;

/** A list of a record is longer than that of any shop. */
export class TooManyElementsError extends Error {}

/** What an alternative begins at: the record or its element at hand, the whole record, or what came beside it. */
type Root = 'here' | 'record' | 'beside';

/** One alternative of a path to a value: from its root over steps, and then over what a filter made of it. */
export interface PathAlternative {
  readonly text: string;
  readonly root: Root;
  /** The steps before the first filter. */
  readonly steps: readonly Step[];
  readonly then: readonly (Filter | readonly Step[])[];
}

/** Alternatives of the way to a value; the first that has one counts. */
export type Path = readonly PathAlternative[];

/** Where paths begin for one event. */
export interface Roots {
  readonly here: unknown;
  readonly record: unknown;
  /** What came with the record, but is not of it: `headers` of a request. */
  readonly beside: Readonly<Record<string, unknown>>;
}

/** Deeper is no shop's record. */
const STEPS_MAX = 32;
const ELEMENTS_MAX = 10_000;
const STEP = /^(?:\.?([^.[\]"|]+)|\.?"((?:[^"\\]|\\.)*)"|\[(\d{1,6}|\*)\])/;
/** Bars that are not in quotes. */
const QUOTED_OR = /"(?:[^"\\]|\\.)*"|\|\|?/g;

/**
 * Reads a path: `user.id`, `items[0].sku`, `list[*]` for all elements, `"a.b".c` for a name with a dot, `$.x` from the whole record,
 * `^headers.x` from what came beside it. `a || b` takes b where a has no value. `a | json | b.c` reads the text at a as JSON and goes on in
 * there; a filter may have one argument, `a | decimal 2`; see FILTERS. Throws a sentence where it is no path.
 */
export function parsePath(text: string): Path {
  return split(text, '||').map((alternative) => parseAlternative(alternative.trim()));
}

function split(text: string, separator: '|' | '||'): string[] {
  const parts: string[] = [];
  let from = 0;
  for (const found of text.matchAll(QUOTED_OR)) {
    if (found[0] !== separator) continue;
    parts.push(text.slice(from, found.index));
    from = found.index + separator.length;
  }
  return [...parts, text.slice(from)];
}

function parseAlternative(text: string): PathAlternative {
  const [first = '', ...others] = split(text, '|').map((part) => part.trim());
  let [root, rest]: [Root, string] = ['here', first];
  if (first === '$' || first.startsWith('$.') || first.startsWith('$['))
    [root, rest] = ['record', first.slice(1)];
  else if (first.startsWith('^')) [root, rest] = ['beside', first.slice(1)];
  const steps = parseSteps(rest);
  if (steps.length === 0 && root === 'here') throw new Error('is empty; a path is a name, such as user.id');
  const then = others.map((part, n) => {
    const filter = filterOf(part);
    // Only what a filter has made can have members.
    if (filter === null && (n === 0 || !givesMembers(others[n - 1]!))) throw notFilter(part);
    return filter ?? parseSteps(part);
  });
  return { text: first, root, steps, then };
}

function notFilter(part: string): Error {
  if (FILTER_NAMES.includes(part))
    return new Error(`has ${part} without its argument, as in \`| ${part} ...\``);
  const meant = didYouMean(part.split(' ', 1)[0]!, FILTER_NAMES);
  return new Error(
    `has the filter ${part}, which does not exist.${meant || ` The filters: ${FILTER_NAMES.join(', ')}.`} A name with a bar in it needs quotes`,
  );
}

function parseSteps(text: string): Step[] {
  const steps: Step[] = [];
  for (let rest = text; rest !== ''; ) {
    const found = STEP.exec(rest);
    // A name with brackets or the like is that of a column.
    if (!found) return [text];
    const [all, name, quoted, index] = found;
    if (index !== undefined) steps.push(index === '*' ? EACH : Number(index));
    else steps.push(quoted === undefined ? name! : (JSON.parse(`"${quoted}"`) as string));
    rest = rest.slice(all.length);
  }
  if (steps.length > STEPS_MAX) throw new Error(`has more than ${STEPS_MAX} names`);
  return steps;
}

/** A function that gives the value at a path, undefined for none; of several elements the first that has a value. */
export function createGetter(path: Path): (roots: Roots) => unknown {
  const getters = path.map(createAlternativeGetter);
  if (getters.length === 1) return getters[0]!;
  return (roots) => {
    for (const get of getters) {
      const value = get(roots);
      if (!isNothing(value)) return value;
    }
    return undefined;
  };
}

function createAlternativeGetter(alternative: PathAlternative): (roots: Roots) => unknown {
  const { root, steps, text, then } = alternative;
  if (then.length > 0 || steps.includes(EACH))
    return (roots) => allOf(alternative, roots).find((value) => !isNothing(value));
  if (steps.length === 1) {
    const [name] = steps as [string | number];
    return (roots) => memberOf(roots[root], name);
  }
  // A CSV column may have the name "customer.id".
  const mayBeName = root === 'here';
  const [first, ...others] = steps as [string | number, ...(string | number)[]];
  return (roots) => {
    let value = memberOf(roots[root], first);
    if (value === undefined) return mayBeName ? memberOf(roots[root], text) : undefined;
    for (const step of others) value = memberOf(value, step);
    return value;
  };
}

/** The elements at a path, and how many a filter could make nothing of. */
export interface Elements {
  readonly list: readonly unknown[];
  readonly dropped: number;
}

/** A function that gives the elements at a path: those of the list there, or the one value that is there. */
export function createLister(path: Path): (roots: Roots) => Elements {
  return (roots) => {
    let dropped = 0;
    for (const alternative of path) {
      let ofAlternative = 0;
      const found = allOf(alternative, roots, () => ofAlternative++);
      const list = found.length === 1 && Array.isArray(found[0]) ? (found[0] as unknown[]) : found;
      if (list.length > ELEMENTS_MAX) throw new TooManyElementsError();
      if (list.some((value) => !isNothing(value))) return { list, dropped: ofAlternative };
      dropped = Math.max(dropped, ofAlternative);
    }
    return { list: [], dropped };
  };
}

/** Name of the member of the record, or of the element at hand, that an alternative begins with; null for any other. */
export function firstName({ root, steps: [first] }: PathAlternative): string | null {
  return root === 'here' && typeof first === 'string' ? first : null;
}

/** Name of the member that a path leads to, by its first alternative; '' where that is not a member. */
export function lastName([alternative]: Path): string {
  const { steps = [], then = [] } = alternative ?? {};
  const last = then.at(-1) ?? steps;
  const step = typeof last === 'function' ? undefined : last.at(-1);
  return typeof step === 'string' ? step : '';
}

function allOf({ root, steps, then }: PathAlternative, roots: Roots, onDropped?: () => void): unknown[] {
  let values = allAt(roots[root], steps, 0);
  for (const next of then)
    values = values.flatMap((value) => {
      if (typeof next !== 'function') return allAt(value, next, 0);
      const made = next(value);
      if (made !== undefined) return [made];
      onDropped?.();
      return [];
    });
  return values;
}

function allAt(from: unknown, steps: readonly Step[], first: number): unknown[] {
  let value = from;
  for (let at = first; at < steps.length; at++) {
    const step = steps[at]!;
    if (step === EACH) {
      const elements = Array.isArray(value) ? value : isNothing(value) ? [] : [value];
      const found: unknown[] = [];
      for (const element of elements) {
        for (const one of allAt(element, steps, at + 1)) found.push(one);
        if (found.length > ELEMENTS_MAX) throw new TooManyElementsError();
      }
      return found;
    }
    value = memberOf(value, step);
  }
  return value === undefined ? [] : [value];
}

function memberOf(value: unknown, name: string | number): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  const member = (value as Record<string | number, unknown>)[name];
  // Objects inherit names such as constructor.
  return member !== undefined && Object.hasOwn(value, name) ? member : undefined;
}

const isNothing = (value: unknown) => value === undefined || value === null || value === '';

/** A name as it stands in a path: in quotes where the path would read it as something else. */
export function nameInPath(name: string): string {
  const isPlain = /^[^.[\]"|$^\s][^.[\]"|]*$/.test(name) && name === name.trim();
  return isPlain ? name : JSON.stringify(name);
}
