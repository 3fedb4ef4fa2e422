import { FIELDS, ITEM_FIELDS } from '../event/fields.ts';
import type { Decoded } from '../ingest/format.ts';
import { recordsOf } from '../ingest/mapping/collect-events.ts';
import { compileMapping } from '../ingest/mapping/compile.ts';
import { createLister, nameInPath, parsePath } from '../ingest/mapping/path.ts';
import type { FieldSpec, MappingSpec } from '../ingest/mapping/schema.ts';
import { foldName, ITEM_NAMES, targetOf } from '../ingest/names.ts';
import { createEventTypeReader } from '../ingest/values/read-event-type.ts';
import type { ChosenMapping } from './choice.ts';

/** Columns, and value names of event types, that are shown. */
const COLUMNS_MAX = 300;
const TYPES_MAX = 50;
const DEPTH_MAX = 3;
const EXAMPLE_CHARACTERS_MAX = 60;

export type Row = Readonly<Record<string, unknown>>;

/** A place in the records of a file. */
export interface FormColumn {
  readonly path: string;
  readonly example: string;
}

/** Where a field of ours comes from. */
export interface FormField {
  readonly field: string;
  /**
   * path: from the first of `paths` that has a value; name: from the column of its own name; value: always the same; rule: as the
   * mapping says, which is more than a form shows; none: from nowhere.
   */
  readonly from: 'path' | 'name' | 'value' | 'rule' | 'none';
  readonly paths: readonly string[];
  readonly value: string | null;
}

/** A name of the file for what happened, and what it is read as. */
export interface FormEventType {
  readonly value: string;
  readonly rows: number;
  readonly becomes: string;
  /** Whether a metric uses it. */
  readonly is_known: boolean;
}

/** Where the lines of an order come from. */
export interface FormItems {
  /**
   * list: from the list at `path`; rule: as the mapping says, which is more than a form shows; none: from nowhere.
   */
  readonly from: 'list' | 'rule' | 'none';
  readonly path: string | null;
  /** Lists of objects in the records, each of which may be the lines. */
  readonly lists: readonly FormColumn[];
  /** What the lines have, and where the fields of a line come from. */
  readonly columns: readonly FormColumn[];
  readonly fields: readonly FormField[];
}

/** The mapping as a form that can be changed. */
export interface Form {
  readonly columns: readonly FormColumn[];
  readonly fields: readonly FormField[];
  readonly items: FormItems;
  readonly event_types: readonly FormEventType[];
  /** Records at the beginning of the file that all this is of. */
  readonly sampled: number;
}

/** The records of a sample as values. */
export function rowsOf(decoded: readonly Decoded[]): Row[] {
  return recordsOf(decoded).flatMap((piece) => ('fields' in piece ? [piece.fields] : []));
}

/** What a form shows of a mapping and a sample of the file. */
export function formOf({ mapper, spec }: ChosenMapping, rows: readonly Row[]): Form {
  const elements = elementsOf(spec, rows);
  const isMapped = mapper !== undefined;
  // What a program reads is its own affair; a list of what is kept leaves nothing to be read by its name.
  const isByName = !(isMapped && spec === null) && spec?.extra === undefined;
  const fields = FIELDS.filter(({ kind }) => kind !== 'items').map(({ name }) =>
    fieldOf(name, spec?.fields[name], () => (isByName ? columnNamed(name, !isMapped, elements) : null)),
  );
  return {
    columns: columnsOf(elements),
    fields,
    items: itemsOf(spec, elements, isByName ? columnNamed('items', !isMapped, elements) : null),
    event_types: eventTypesOf(spec, isMapped, rows),
    sampled: rows.length,
  };
}

/** The columns that are read without a mapping, by field. */
export function columnsByName(rows: readonly Row[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const { name } of FIELDS) {
    const column = columnNamed(name, true, rows);
    if (column !== null) found.set(name, pathOf([column]));
  }
  return found;
}

/** What paths begin at: the records, or their elements. */
function elementsOf(spec: MappingSpec | null, rows: readonly Row[]): Row[] {
  if (spec?.each === undefined) return [...rows];
  const listers = spec.each.map((path) => createLister(parsePath(path)));
  return rows.flatMap((record) => {
    const lists = listers.map((list) => list({ here: record, record, beside: {} }).list);
    const list = lists.find(({ length }) => length > 0) ?? [];
    return list.filter(isRow);
  });
}

function columnsOf(rows: readonly Row[]): FormColumn[] {
  const found = new Map<string, string>();
  const add = (value: unknown, names: readonly string[]) => {
    if (found.size >= COLUMNS_MAX && !found.has(pathOf(names))) return;
    if (typeof value === 'object' && value !== null && !Array.isArray(value) && names.length < DEPTH_MAX) {
      for (const [name, member] of Object.entries(value)) add(member, [...names, name]);
      return;
    }
    const path = pathOf(names);
    if (!found.get(path)) found.set(path, exampleOf(value));
  };
  for (const row of rows) for (const [name, value] of Object.entries(row)) add(value, [name]);
  return [...found].map(([path, example]) => ({ path, example }));
}

/** `named`: the column that is read as the lines by its name, where the mapping says nothing of them. */
function itemsOf(spec: MappingSpec | null, elements: readonly Row[], named: string | null): FormItems {
  const read = named === null ? undefined : { from: [pathOf([named])] };
  const given: Partial<NonNullable<MappingSpec['items']>> | undefined = spec?.items ?? read;
  const lists = listsOf(elements);
  const places = given?.each ?? given?.from ?? [];
  const from = given === undefined ? 'none' : places.length === 1 ? 'list' : 'rule';
  const lines = places.flatMap((place) => linesAt(place, elements));
  const areNamed = given?.each === undefined;
  const fields = ITEM_FIELDS.map(({ name }) =>
    fieldOf(name, areNamed ? undefined : given?.fields?.[name], () =>
      areNamed ? lineColumn(name, lines) : null,
    ),
  );
  // Of a list, all elements are lines, whether the path says so or not.
  const path = from === 'list' ? places[0]!.replace(/\[\*\]$/, '') : null;
  return { from, path, lists, columns: columnsOf(lines), fields };
}

/** The lines that a path leads to; those of a grouped table are its rows. */
function linesAt(place: string, elements: readonly Row[]): Row[] {
  if (place.startsWith('^rows')) return [...elements];
  const list = createLister(parsePath(place));
  return elements.flatMap((here) => list({ here, record: here, beside: {} }).list.filter(isRow));
}

/** Lists of objects, by their path. */
function listsOf(rows: readonly Row[]): FormColumn[] {
  const found = new Map<string, string>();
  const look = (value: unknown, names: readonly string[]) => {
    if (Array.isArray(value) && value.some(isRow)) found.set(pathOf(names), exampleOf(value.find(isRow)));
    else if (isRow(value) && names.length < DEPTH_MAX)
      for (const [name, member] of Object.entries(value)) look(member, [...names, name]);
  };
  for (const row of rows) look(row, []);
  return [...found].map(([path, example]) => ({ path, example }));
}

/** The member of the lines that is read as a field of theirs, by its name. */
function lineColumn(field: string, lines: readonly Row[]): string | null {
  const names = new Set(lines.flatMap((line) => Object.keys(line)));
  const byFolded = new Map([...names].reverse().map((name) => [foldName(name), name]));
  const found = ITEM_NAMES[field]!.find((name) => byFolded.has(foldName(name)));
  return found === undefined ? null : byFolded.get(foldName(found))!;
}

/** A path over members; names that a path would read as something else are in quotes. */
function pathOf(names: readonly string[]): string {
  return names.map(nameInPath).join('.');
}

function exampleOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return text.length > EXAMPLE_CHARACTERS_MAX ? `${text.slice(0, EXAMPLE_CHARACTERS_MAX)}…` : text;
}

/** `byName`: the column that is read where the mapping does not name the field. */
function fieldOf(field: string, given: FieldSpec | undefined, byName: () => string | null): FormField {
  if (given === undefined) {
    const column = byName();
    return column === null
      ? { field, from: 'none', paths: [], value: null }
      : { field, from: 'name', paths: [pathOf([column])], value: null };
  }
  const { from, join, value, cases, match } = given;
  if (join !== undefined || cases !== undefined || match !== undefined)
    return { field, from: 'rule', paths: from ?? [], value: null };
  if (from !== undefined) return { field, from: 'path', paths: from, value: null };
  if (value === '') return { field, from: 'none', paths: [], value: null };
  return { field, from: 'value', paths: [], value: String(value ?? given.default ?? '') };
}

/** The column whose name is that of the field, or likeliest means it (`withAliases`). */
function columnNamed(field: string, withAliases: boolean, rows: readonly Row[]): string | null {
  let best: { name: string; rank: number } | null = null;
  for (const name of new Set(rows.flatMap((row) => Object.keys(row)))) {
    const { index, rank } = targetOf(name);
    if (index < 0 || FIELDS[index]!.name !== field) continue;
    if (!withAliases && foldName(name) !== foldName(field)) continue;
    if (best === null || rank < best.rank) best = { name, rank };
  }
  return best?.name ?? null;
}

const readType = createEventTypeReader({});

/** The names of what happened, as the file has them. */
function eventTypesOf(spec: MappingSpec | null, isMapped: boolean, rows: readonly Row[]): FormEventType[] {
  if (isMapped && spec === null) return [];
  const { values, default: _default, ...source } = (spec?.fields.event_type ?? {}) as FieldSpec;
  const counts = new Map<string, number>();
  for (const value of rawTypes(spec, source, rows)) counts.set(value, (counts.get(value) ?? 0) + 1);
  const folded = new Map(Object.entries(values ?? {}).map(([name, value]) => [foldName(name), value]));
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .slice(0, TYPES_MAX)
    .map(([value, count]) => {
      const given = values?.[value] ?? folded.get(foldName(value)) ?? value;
      const { name, isKnown } = readType(String(given));
      return { value, rows: count, becomes: name, is_known: isKnown };
    });
}

/** The values of event_type before they are given our names. */
function* rawTypes(spec: MappingSpec | null, source: FieldSpec, rows: readonly Row[]): Generator<string> {
  const isNamed = Object.keys(source).length > 0;
  const column = isNamed ? null : columnNamed('event_type', spec === null, rows);
  if (spec === null || !isNamed) {
    if (column === null) return;
    for (const row of elementsOf(spec, rows)) if (isText(row[column])) yield String(row[column]);
    return;
  }
  const mapping = compileMapping('form', { ...spec, fields: { event_type: source } } as MappingSpec);
  for (const row of rows)
    for (const { fields } of mapping.map(row).events)
      if (isText(fields.event_type)) yield String(fields.event_type);
}

const isRow = (value: unknown): value is Row =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isText = (value: unknown) =>
  (typeof value === 'string' && value.trim() !== '') ||
  typeof value === 'number' ||
  typeof value === 'boolean';
