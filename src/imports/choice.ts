import { Document, isMap, isScalar, parseDocument } from 'yaml';
import { z } from 'zod';
import { FIELDS, ITEM_FIELDS } from '../event/fields.ts';
import type { Mapper } from '../ingest/mapper.ts';
import { compileMapping } from '../ingest/mapping/compile.ts';
import { mapperOf } from '../ingest/mapping/map-records.ts';
import { mergeSpecs } from '../ingest/mapping/merge.ts';
import { type FieldSpec, type MappingSpec, mappingSchema } from '../ingest/mapping/schema.ts';
import type { ReadingOptions } from '../load/settings.ts';
import { checkYaml } from '../yaml/check-yaml.ts';

const TEXT_MAX = 1000;
const MAPPING_TEXT_MAX = 100_000;
const FIELD_NAMES = FIELDS.filter(({ kind }) => kind !== 'items').map(({ name }) => name);

const change = z.union([
  z.string().min(1).max(TEXT_MAX),
  z.strictObject({ value: z.string().max(TEXT_MAX) }),
  z.null(),
]);

const LINE_FIELD_NAMES = ITEM_FIELDS.map(({ name }) => name) as [string, ...string[]];

/** A list of lines whose names are read as they are; or the list, and where the fields of a line are in it. */
const itemsChange = z.union([
  z.string().min(1).max(TEXT_MAX),
  z.strictObject({
    each: z.string().min(1).max(TEXT_MAX),
    fields: z.partialRecord(z.enum(LINE_FIELD_NAMES), z.string().min(1).max(TEXT_MAX).nullable()),
  }),
]);

/** How a file is to be read, as the page says it. */
export const choiceSchema = z
  .strictObject({
    map: z
      .string()
      .min(1)
      .max(TEXT_MAX)
      .optional()
      .describe('A preset, or a name in `mappings` of the config.'),
    mapping: z.string().max(MAPPING_TEXT_MAX).optional().describe('A mapping of your own, as YAML or JSON.'),
    fields: z
      .partialRecord(z.enum(FIELD_NAMES as [string, ...string[]]), change)
      .optional()
      .describe(
        'Changes to the mapping, by field: a path, `{value}` for the same value in each event, or null for no value.',
      ),
    items: itemsChange
      .optional()
      .describe(
        'Changes to the mapping: the path of the lines of an order, which are read by their names, or `{each, fields}` with a path for each field of a line, null for none.',
      ),
    event_types: z
      .record(z.string().min(1).max(TEXT_MAX), z.string().min(1).max(TEXT_MAX))
      .optional()
      .describe(
        'Changes to the mapping: event types of the file, and the event type of Tillstream for each.',
      ),
    time_zone: z.string().min(1).max(TEXT_MAX).optional().describe('Time zone for times without one.'),
    date_order: z.enum(['mdy', 'dmy', 'ymd']).optional().describe('Order of dates such as 11/1/2024.'),
    decimal: z.enum(['.', ',']).optional().describe('Decimal separator of amounts.'),
    currency: z.string().min(1).max(TEXT_MAX).optional().describe('Currency of events without one.'),
    format: z.string().min(1).max(TEXT_MAX).optional().describe('The format. Default: detected.'),
    encoding: z.string().min(1).max(TEXT_MAX).optional().describe('The encoding. Default: detected.'),
    delimiter: z
      .string()
      .min(1)
      .max(TEXT_MAX)
      .optional()
      .describe('CSV: character between cells. Default: detected.'),
    columns: z
      .string()
      .min(1)
      .max(TEXT_MAX)
      .optional()
      .describe('CSV: column names, separated by commas, if line 1 has none.'),
  })
  .refine(
    ({ map, mapping }) => map === undefined || mapping === undefined,
    'has both a map and a mapping; give one of them',
  );

export type Choice = z.infer<typeof choiceSchema>;

/** Mappings that a request may name. */
export interface NamedMappings {
  /** Throws ApiError for a name that is not one. */
  get(name: string): Promise<Mapper>;
  /** What it says; null where it is a program. Throws ApiError. */
  spec(name: string): MappingSpec | null;
  names(): string[];
}

/** A mapping that was chosen. */
export interface ChosenMapping {
  readonly mapper: Mapper | undefined;
  /** Its name, where it is one that was there before. */
  readonly map: string | null;
  /** What it says of its own, as YAML; null where it has a name or there is none. */
  readonly text: string | null;
  /** What it says, with what it extends; null where it is a program or there is none. */
  readonly spec: MappingSpec | null;
}

/** How a proposal begins the list of columns that it does not use. */
const KEPT = ' Kept in extra';
/** Name of a mapping that was written on the page, in messages. */
const OWN = 'of the page';

/**
 * The mapping of a choice, with its changes. `byName`: the columns that are read without a mapping, by field; a mapping that is
 * begun by a change keeps them. Throws UsageError or ApiError for what is wrong with it.
 */
export async function chosenMapping(
  choice: Choice,
  named: NamedMappings,
  byName: () => Promise<ReadonlyMap<string, string>>,
): Promise<ChosenMapping> {
  const { map, mapping, fields = {}, items, event_types = {} } = choice;
  const isChanged = items !== undefined || Object.keys(fields).length + Object.keys(event_types).length > 0;
  if (!isChanged && mapping === undefined) {
    if (map === undefined) return { mapper: undefined, map: null, text: null, spec: null };
    return { mapper: await named.get(map), map, text: null, spec: named.spec(map) };
  }
  let text = mapping ?? (map === undefined ? '' : `extends: ${map}\n`);
  if (isChanged) {
    const base = read(text, named).spec;
    const begun = map === undefined && mapping === undefined ? await byName() : new Map<string, string>();
    const all = { ...Object.fromEntries(begun), ...fields };
    text = withChanges(text, base.fields as Readonly<Record<string, FieldSpec>>, all, event_types);
    if (items !== undefined) text = withItems(text, base.items, items);
  }
  const { spec } = read(text, named);
  return { mapper: mapperOf(compileMapping(OWN, spec)), map: null, text, spec };
}

function read(text: string, named: NamedMappings): { spec: MappingSpec } {
  const own = checkYaml(mappingSchema, { file: 'mapping', text, title: 'The mapping' });
  // A file of this machine is not for whoever may use the page.
  const base = own.extends === undefined ? null : named.spec(own.extends);
  return { spec: base === null ? own : mergeSpecs(base, own) };
}

/** The text of a mapping with changed fields; all else stays as it is written. */
function withChanges(
  text: string,
  base: Readonly<Record<string, FieldSpec | undefined>>,
  fields: Readonly<Record<string, z.infer<typeof change> | undefined>>,
  types: Readonly<Record<string, string>>,
): string {
  const parsed = parseDocument(text);
  const document = parsed.contents === null ? new Document({}) : parsed;
  const changed = new Map<string, FieldSpec>();
  for (const [name, given] of Object.entries(fields)) {
    if (given === null) changed.set(name, { value: '' });
    else if (typeof given === 'string') changed.set(name, movedTo(given, base[name]));
    else if (given !== undefined) changed.set(name, { value: given.value });
  }
  if (Object.keys(types).length > 0) {
    const before = changed.get('event_type') ?? base.event_type ?? { from: ['event_type'] };
    changed.set('event_type', { ...before, values: { ...before.values, ...types } });
  }
  for (const [name, spec] of changed) {
    forgetComment(document, name);
    document.setIn(['fields', name], document.createNode(shortened(spec), { flow: true }));
  }
  return document.toString({ flowCollectionPadding: false, lineWidth: 0 });
}

/** A field that is found at another place; what it has besides its place stays: units, null words, value names. */
function movedTo(path: string, before: FieldSpec = {}): FieldSpec {
  const { from: _from, join: _join, value: _value, cases: _cases, match: _match, ...rest } = before;
  return { from: [path], ...rest };
}

/** The text of a mapping with other lines; what is not said of them stays. */
function withItems(
  text: string,
  base: MappingSpec['items'],
  given: Exclude<Choice['items'], undefined>,
): string {
  const document = parseDocument(text);
  forgetComment(document, null);
  if (typeof given === 'string') document.setIn(['items'], given);
  else {
    const before = (base?.fields ?? {}) as Readonly<Record<string, FieldSpec | undefined>>;
    const fields = new Map(Object.entries(before));
    for (const [name, path] of Object.entries(given.fields)) {
      if (path === null) fields.delete(name);
      else if (path !== undefined) fields.set(name, movedTo(path, before[name]));
    }
    const shown = [...fields].map(([name, spec]) => [name, shortened(spec!)]);
    const where = base?.where === undefined ? {} : { where: base.where };
    const items = { each: given.each, ...where, fields: Object.fromEntries(shown) };
    document.setIn(['items'], document.createNode(items));
  }
  return document.toString({ flowCollectionPadding: false, lineWidth: 0 });
}

/** What was said of a field, if one is given, and of what is left over, was said of what it was before. */
function forgetComment(document: Document, name: string | null): void {
  const fields = document.get('fields');
  if (!isMap(fields)) return;
  const key = fields.items.find((pair) => isScalar(pair.key) && pair.key.value === name)?.key;
  if (isScalar(key)) key.commentBefore = null;
  for (const node of [document, document.contents, fields])
    if (node?.comment?.startsWith(KEPT)) node.comment = null;
}

/** A field in the short way where that says it all. */
function shortened(spec: FieldSpec): unknown {
  const { from, ...rest } = Object.fromEntries(
    Object.entries(spec).filter(([, value]) => value !== undefined),
  ) as FieldSpec;
  if (from === undefined) return rest;
  const path = from.length === 1 ? from[0]! : from;
  return Object.keys(rest).length === 0 ? path : { from: path, ...rest };
}

/** What a choice says about reading, besides the mapping. */
export function readingOptionsOf(choice: Choice): ReadingOptions {
  const { format, encoding, delimiter, columns, time_zone, date_order, decimal, currency } = choice;
  const all = {
    format,
    encoding,
    delimiter,
    columns,
    timeZone: time_zone,
    dateOrder: date_order,
    decimal,
    currency,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}
