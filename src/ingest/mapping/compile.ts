import { createHash } from 'node:crypto';
import { ORDER_ID } from '../../event/field-index.ts';
import { FIELDS } from '../../event/fields.ts';
import { isReturnOfGoods } from '../document-words.ts';
import type { HeaderlessTable } from '../format.ts';
import { foldName, targetOf } from '../names.ts';
import type { NormalizeSettingsInput } from '../normalize-settings.ts';
import { fateOf } from '../order-status.ts';
import { isObject } from '../record-slots.ts';
import { createEventTypeReader } from '../values/read-event-type.ts';
import { moneyText, readMoney } from '../values/read-money.ts';
import type { MadeEvent } from './collect-events.ts';
import {
  compileAlternatives,
  compileConditions,
  compileReason,
  compileWithdrawn,
  textOf,
} from './conditions.ts';
import { markPartOfLines } from './part-of-lines.ts';
import {
  createGetter,
  createLister,
  type Elements,
  firstName,
  type Path,
  parsePath,
  type Roots,
} from './path.ts';
import { compilePattern } from './pattern.ts';
import { createRemainder } from './remainder.ts';
import { markReturnedGoods } from './returned-goods.ts';
import type { DURATION_UNITS, FieldSpec, MappingSpec } from './schema.ts';

/** Events of one record, and how many were left out by the mapping's rule. */
interface Mapped {
  readonly events: readonly MadeEvent[];
  readonly leftOut: number;
  readonly withdrawn: readonly string[];
  /** Why, in words, for each that a condition left out. */
  readonly why: readonly string[];
}

/** What came with a record, but is not of it. */
type Beside = Readonly<Record<string, unknown>>;

/** A mapping that can be used. */
export interface Mapping {
  readonly name: string;
  /** The same for mappings that say the same. */
  readonly id: string;
  /** How the values are read that it gives. */
  readonly settings: NormalizeSettingsInput;
  /** The format that it is for, where it names one. */
  readonly format: string | undefined;
  /** The column by which rows of a table are one record. */
  readonly group: string | undefined;
  /** How a table of its system looks that has no line with the names of its columns. */
  readonly headerless: HeaderlessTable | undefined;
  /** It makes events of the elements of a record. */
  readonly hasEach: boolean;
  /** Whether it reads a member of records with this name. */
  readsName(name: string): boolean;
  map(record: Readonly<Record<string, unknown>>, beside?: Beside): Mapped;
}

const OURS = new Set(FIELDS.map(({ name }) => name));
const NONE: Beside = {};
const MS: Readonly<Record<(typeof DURATION_UNITS)[number], number>> = { ns: 1e-6, us: 1e-3, ms: 1, s: 1000 };

/** Compiles a mapping. Throws a sentence where its parts contradict each other. */
export function compileMapping(name: string, spec: MappingSpec): Mapping {
  const paths: Path[] = [];
  const path = (text: string): Path => {
    const parsed = parsePath(text);
    paths.push(parsed);
    return parsed;
  };
  const fields = Object.entries(spec.fields).map(
    ([field, given]) => [field, compileField(field, given!, path)] as const,
  );
  const items = compileItems(spec.items, path);
  const isWanted = spec.where === undefined ? null : compileAlternatives(spec.where);
  // What most records are left out for; further conditions are for exceptions.
  const reasonFor = spec.where === undefined ? null : compileReason(spec.where[0]!);
  const isWithdrawn = spec.where === undefined ? null : compileWithdrawn(spec.where[0]!);
  const each = spec.each === undefined ? null : firstOf(spec.each.map(parsePath).map(createLister));
  if (spec.extra !== undefined && spec.drop !== undefined)
    throw new Error('has extra and drop; what extra does not name is left out already');
  const dropped = (spec.drop ?? []).map(parsePath);
  const used = [...paths, ...dropped].flat().filter(({ root }) => root === 'here');
  // Fields that are not named are read by their own names; those that are named are not read from elsewhere.
  const rest = createRemainder(used, new Set(fields.map(([field]) => field)));
  const extra = spec.extra?.map((text) => [text, createGetter(parsePath(text))] as const);
  const names = new Set([...paths, ...(spec.each ?? []).map(parsePath)].flat().map(firstName));

  const goodsOf = compileReturnedGoods(spec.fields.event_type, path);
  const namesOrder = spec.fields.order_id !== undefined;
  const wantedEventOf = (
    roots: Roots,
    withdrawn: string[],
    why: string[],
  ): Record<string, unknown> | null => {
    if (isWanted === null || isWanted(roots)) return eventOf(roots);
    why.push(reasonFor!(roots)!);
    // Of lines of a server's log there are many, and none is of an order.
    if (!namesOrder && !isWithdrawn!(roots)) return null;
    const event = eventOf(roots);
    const order = orderOf(event);
    if (order !== null && (isWithdrawn!(roots) || saysWithdrawn(event))) withdrawn.push(order);
    return null;
  };
  const eventOf = (roots: Roots): Record<string, unknown> => {
    const event: Record<string, unknown> = extra === undefined ? rest(roots.here) : {};
    if (extra !== undefined) {
      const kept = extra.flatMap(([text, get]) => {
        const value = get(roots);
        return value === undefined ? [] : [[text, value]];
      });
      event.extra = Object.fromEntries(kept);
    }
    for (const [field, read] of fields) {
      const value = read(roots);
      if (value === undefined || value === null) continue;
      if (OURS.has(field)) event[field] = value;
      else event.extra = Object.assign(event.extra ?? Object.create(null), { [field]: value });
    }
    const lines = items?.(roots);
    if (lines !== undefined) event.items = lines;
    const goods = goodsOf?.(roots);
    if (goods !== undefined) markReturnedGoods(event, goods);
    return event;
  };

  return {
    name,
    id: createHash('sha256').update(JSON.stringify(spec)).digest('hex'),
    settings: settingsOf(spec),
    format: spec.format,
    group: spec.group,
    headerless: spec.headerless,
    hasEach: each !== null,
    readsName: (given) => names.has(given),
    map(record, beside = NONE) {
      const [withdrawn, why]: [string[], string[]] = [[], []];
      if (each === null) {
        const fields = wantedEventOf({ here: record, record, beside }, withdrawn, why);
        return fields === null
          ? { events: [], leftOut: 1, withdrawn, why }
          : { events: [{ fields }], leftOut: 0, withdrawn, why };
      }
      const { list: elements, dropped } = each({ here: record, record, beside });
      const events: MadeEvent[] = [];
      for (const element of elements) {
        const fields = wantedEventOf({ here: element, record, beside }, withdrawn, why);
        if (fields !== null) events.push({ fields, element });
      }
      // A record without any element is left out as one.
      if (elements.length + dropped === 0) why.push('it has nothing in the list of events');
      return { events, leftOut: Math.max(elements.length + dropped, 1) - events.length, withdrawn, why };
    },
  };
}

/** The order that an event names; null where it names none. */
function orderOf(event: Readonly<Record<string, unknown>>): string | null {
  const name = Object.keys(event).find((each) => targetOf(each).index === ORDER_ID);
  const order = name === undefined ? null : textOf(event[name]);
  return order === null || order.trim() === '' ? null : order.trim();
}

/** Whether what is kept of an event beside its fields says that its order was cancelled or given back. */
function saysWithdrawn({ extra, ...fields }: Readonly<Record<string, unknown>>): boolean {
  const members = [...Object.entries(fields), ...(isObject(extra) ? Object.entries(extra) : [])];
  return members.some(([name, value]) => fateOf(name, value)?.fate === 'withdrawn');
}

function firstOf(listers: ((roots: Roots) => Elements)[]): (roots: Roots) => Elements {
  if (listers.length === 1) return listers[0]!;
  return (roots) => {
    let dropped = 0;
    for (const elementsOf of listers) {
      const found = elementsOf(roots);
      if (found.list.length > 0) return found;
      dropped = Math.max(dropped, found.dropped);
    }
    return { list: [], dropped };
  };
}

type Read = (roots: Roots) => unknown;

/** A function that gives the value of a field; undefined or null for none. */
function compileField(name: string, spec: FieldSpec, path: (text: string) => Path): Read {
  const none = new Set((spec.null ?? []).map(String));
  let read = compileSource(spec, path, (value) => {
    const text = textOf(value);
    return text === null || none.has(text);
  });
  const { match, values, unit } = spec;
  if (match !== undefined) {
    const pattern = compilePattern(match);
    read = after(read, (value) => pattern(textOf(value)!) ?? undefined);
  }
  if (values !== undefined) {
    const byFolded = new Map(Object.entries(values).map(([name, value]) => [foldName(name), value]));
    const exact = new Map(Object.entries(values));
    read = after(read, (value) => {
      const text = textOf(value)!;
      return exact.get(text) ?? byFolded.get(foldName(text)) ?? value;
    });
  }
  // The unit of a timestamp is a setting of how it is read.
  if (name !== 'timestamp' && unit !== undefined) {
    const factor = MS[unit as keyof typeof MS];
    read = after(read, (value) => {
      const number = Number(value);
      if (!Number.isFinite(number) || textOf(value)!.trim() === '') return value;
      // With its unit said, parts of a millisecond are in no doubt.
      return name === 'response_time' ? Math.round(number * factor) : number * factor;
    });
  }
  if (spec.less !== undefined) read = compileLess(read, spec.less.map(path).map(createGetter), spec.decimal);
  const fallback = spec.default;
  if (fallback === undefined) return read;
  const found = read;
  return (roots) => found(roots) ?? fallback;
}

/** An amount less others. One that can't be read makes it one that can't be. */
function compileLess(read: Read, others: readonly Read[], decimal: '.' | ',' | undefined): Read {
  return after(read, (value, roots) => {
    const whole = readMoney(value, { decimal });
    if (typeof whole === 'string') return value;
    let units = whole.units;
    for (const other of others) {
      const text = textOf(other(roots));
      if (text === null || text.trim() === '') continue;
      const off = readMoney(text, { decimal });
      if (typeof off === 'string') return `${textOf(value)} less ${text}`;
      units -= off.units < 0n ? -off.units : off.units;
    }
    return `${moneyText(units)} ${whole.currency ?? ''}`.trim();
  });
}

const after = (read: Read, then: (value: NonNullable<unknown>, roots: Roots) => unknown): Read => {
  return (roots) => {
    const value = read(roots);
    return value === undefined || value === null ? undefined : then(value, roots);
  };
};

function compileSource(
  { from, join, value, cases }: FieldSpec,
  path: (text: string) => Path,
  isNone: (value: unknown) => boolean,
): Read {
  const reads: Read[] = [];
  if (cases !== undefined) {
    const all = cases.map(({ when, ...source }) => ({
      holds: compileConditions(when),
      read: compileSource(source, path, isNone),
    }));
    reads.push((roots) => all.find(({ holds }) => holds(roots))?.read(roots));
  }
  if (join !== undefined) {
    const getters = join.map((text) => createGetter(path(text)));
    reads.push((roots) => {
      const parts = getters.map((get) => textOf(get(roots)));
      return parts.includes(null) ? undefined : parts.join(' ');
    });
  }
  if (from !== undefined) {
    const getters = from.map((text) => createGetter(path(text)));
    for (const get of getters)
      reads.push((roots) => {
        const found = get(roots);
        return isNone(found) ? undefined : found;
      });
  }
  if (value !== undefined) reads.push(() => value);
  if (reads.length === 1) return reads[0]!;
  return (roots) => {
    for (const read of reads) {
      const found = read(roots);
      if (found !== undefined) return found;
    }
    return undefined;
  };
}

/** A function that gives the lines of an order; undefined for none. */
function compileItems(spec: MappingSpec['items'], path: (text: string) => Path): Read | null {
  if (spec === undefined) return null;
  if (spec.from !== undefined)
    return compileSource({ from: spec.from }, path, (value) => textOf(value) === null);
  if (spec.each === undefined) throw new Error('has items without each');
  const list = firstOf(spec.each.map(path).map(createLister));
  const isWanted = spec.where === undefined ? null : compileConditions(spec.where);
  // Paths in a line are not those of the event, unless the line is a row of the table.
  const isOfRows = spec.each.every((each) => each.startsWith('^rows'));
  const own = Object.entries(spec.fields).map(
    ([field, given]) => [field, compileField(field, given!, isOfRows ? path : parsePath)] as const,
  );
  return (roots) => {
    const { list: lines } = list(roots);
    const items: Record<string, unknown>[] = [];
    for (const line of lines) {
      const at = { ...roots, here: line };
      if (isWanted !== null && !isWanted(at)) continue;
      const item: Record<string, unknown> = {};
      for (const [field, read] of own) {
        const value = read(at);
        if (value !== undefined && value !== null) item[field] = value;
      }
      // An export without the columns of lines has none.
      if (isOfRows && Object.keys(item).length === 0) continue;
      items.push(item);
    }
    if (isWanted !== null && items.length < lines.length) markPartOfLines(items);
    return items.length === 0 ? undefined : items;
  };
}

const readType = createEventTypeReader({});

/** A function that gives the word of goods that came back, which the mapping makes a refund; null where it has none. */
function compileReturnedGoods(
  spec: FieldSpec = {},
  path: (text: string) => Path,
): ((roots: Roots) => string | undefined) | null {
  const isRefund = (type: unknown) => readType(String(type)).name === 'refund';
  const words = Object.entries(spec.values ?? {}).flatMap(([word, type]) =>
    isReturnOfGoods(word) && isRefund(type) ? [foldName(word)] : [],
  );
  if (words.length === 0) return null;
  const { values: _, default: __, ...source } = spec;
  const read = compileField('event_type', source, path);
  return (roots) => {
    const word = textOf(read(roots));
    return word !== null && words.includes(foldName(word)) ? word : undefined;
  };
}
const TYPE_LENGTH_MAX = 64;

/** Types that a mapping names, and no metric uses, are meant; unless they look like a slip. */
function ownTypes({
  value,
  values,
  cases,
  default: fallback,
}: FieldSpec = {}): Record<string, string> | undefined {
  const named = [value, fallback, ...Object.values(values ?? {}), ...(cases ?? []).map((each) => each.value)];
  const own = named.filter((each): each is string => {
    if (typeof each !== 'string' || each.trim() === '' || each.length > TYPE_LENGTH_MAX) return false;
    const { isKnown, nearest } = readType(each);
    return !isKnown && nearest === null;
  });
  return own.length === 0 ? undefined : Object.fromEntries(own.map((each) => [each, each]));
}

/** What the fields say about how their values are read. */
function settingsOf({
  fields,
  items,
  order_lines,
  currency,
  dollar,
  mark_bots,
  has_quantity,
}: MappingSpec): NormalizeSettingsInput {
  const ofItems = Object.entries(items?.fields ?? {}).map(([name, spec]) => [`items.${name}`, spec] as const);
  const specs = [...Object.entries(fields), ...ofItems] as (readonly [string, FieldSpec])[];
  const decimals = new Set(specs.flatMap(([, { decimal }]) => decimal ?? []));
  if (decimals.size > 1) throw new Error('has fields with different decimal separators; they must have one');
  const minor = specs.filter(([, { minor_units: isMinor }]) => isMinor).map(([name]) => name);
  const isDenied = specs.some(([, { minor_units: isMinor }]) => isMinor === false);
  const time = fields.timestamp ?? {};
  const settings = {
    time_zone: time.zone,
    date_order: time.order,
    time_format: time.format,
    time_unit: time.unit as NormalizeSettingsInput['time_unit'],
    decimal: [...decimals][0],
    minor_units: minor.length > 0 ? minor : isDenied ? false : undefined,
    order_lines,
    currency,
    dollar,
    mark_bots,
    has_quantity,
    event_types: ownTypes(fields.event_type),
  };
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}
