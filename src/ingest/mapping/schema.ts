import { z } from 'zod';
import { FIELDS, ITEM_FIELDS } from '../../event/fields.ts';
import { nearest } from '../../telemetry/nearest.ts';
import { FORMATS } from '../formats/all.ts';
import { ORDER_LINES, settingsSchema } from '../normalize-settings.ts';
import { TIME_UNITS } from '../values/time-number.ts';
import { DATE_ORDERS } from '../values/time-text.ts';
import { parsePath } from './path.ts';
import { compilePattern } from './pattern.ts';

const FIELD_NAMES = FIELDS.filter(({ kind }) => kind !== 'items').map(({ name }) => name);
const ENTRIES_MAX = 1000;
const TEXT_MAX = 1000;
/** Conditions of which one must hold. */
const ALTERNATIVES_MAX = 20;
/** Units that a time in the name of another field may have. */
export const DURATION_UNITS = ['ns', 'us', 'ms', 's'] as const;

/** Checks a text with a function that throws a sentence. */
const checked = (text: z.ZodString, check: (given: string) => unknown) =>
  text.superRefine((given, context) => {
    try {
      check(given);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
    }
  });

const path = checked(z.string().min(1).max(TEXT_MAX), parsePath).describe(
  'Where the value is: `user.id`, `items[0].sku`, `"a.b"` for a name with a dot, `$.x` from the whole record, `^headers.x` from the headers of a request.',
);
const pattern = checked(z.string().min(1).max(TEXT_MAX), compilePattern);
const constant = z.union([z.string().max(TEXT_MAX), z.number(), z.boolean()]);
const constants = z.array(constant).max(ENTRIES_MAX);

/**
 * What can be written in a short way. For people who write it in an editor both ways are described; where it is read, the short way is made
 * the long one first, so that a mistake is told of the way that was meant.
 */
type Either = <Long extends z.ZodType>(
  short: z.ZodType,
  long: Long,
  lengthen: (given: unknown) => unknown,
) => Long;

const described: Either = (short, long) => z.union([short, long]) as never;
const lengthened: Either = (_short, long, lengthen) =>
  z.preprocess((given) => (isLong(given) ? given : lengthen(given)), long) as never;
const isLong = (given: unknown) => typeof given === 'object' && given !== null && !Array.isArray(given);

/** One thing, or a list of them; where it is read, a list. A mistake is told of the way that was meant. */
type OneOrMore = <T extends z.ZodType>(one: T) => z.ZodType<z.infer<T>[]>;

const listOf = <T extends z.ZodType>(one: T) => z.array(one).min(1).max(ALTERNATIVES_MAX);
const describedList: OneOrMore = (one) => z.union([one, listOf(one)]) as never;
const readList: OneOrMore = (one) =>
  z.preprocess((given, context) => {
    if (Array.isArray(given)) return given;
    const result = one.safeParse(given);
    for (const issue of result.error?.issues ?? []) context.issues.push(issue as never);
    // What is wrong is told by now.
    return [result.success ? given : {}];
  }, listOf(one)) as never;

function schemaOfMapping(either: Either, oneOrMore: OneOrMore) {
  const asList = (given: unknown) => (Array.isArray(given) ? given : [given]);
  const shortField = (given: unknown) =>
    typeof given === 'string' || Array.isArray(given) ? { from: given } : given;
  const paths = either(path, z.array(path).min(1).max(ENTRIES_MAX), (given) =>
    typeof given === 'string' ? [given] : given,
  );

  const condition = either(
    z.union([constant, constants]),
    z.strictObject({
      in: constants.optional().describe('Values of which it has one.'),
      match: pattern.optional().describe('A regular expression (RE2) that is found in the value.'),
      exists: z.boolean().optional().describe('Whether there is a value.'),
      not: either(constant, constants, asList).optional().describe('Values of which it has none.'),
    }),
    // Nothing at all is a mistake of its own.
    (given) => (given === null ? given : { in: asList(given) }),
  );
  /** All of them must hold. */
  const conditions = z.record(checked(z.string().min(1).max(TEXT_MAX), parsePath), condition);

  const source = {
    from: paths.optional().describe('Where the value is; of several places the first that has one.'),
    join: z
      .array(path)
      .min(2)
      .max(10)
      .optional()
      .describe('Places whose values are joined by a blank, such as a date and a time.'),
    value: constant.optional().describe('The value itself, the same for all.'),
    match: pattern
      .optional()
      .describe('A regular expression (RE2); the value is what its first group has, or all that it matches.'),
    null: constants.optional().describe('Further values that say that there is none.'),
    values: z
      .record(z.string().max(TEXT_MAX), constant)
      .optional()
      .describe('Values of the source, and ours for them. Others stay as they are.'),
    cases: z
      .array(z.strictObject({ when: conditions, value: constant.optional(), from: paths.optional() }))
      .max(ENTRIES_MAX)
      .optional()
      .describe(
        'Values, or places of them, by what else the record has: the first case whose conditions all hold.',
      ),
    default: constant.optional().describe('The value where there is none.'),
  };
  const longForms = {
    any: z.strictObject(source),
    time: z.strictObject({
      ...source,
      zone: settingsSchema.shape.time_zone.unwrap().optional().describe('Time zone of times that name none.'),
      order: z.enum(DATE_ORDERS).optional().describe('Order of day, month and year.'),
      format: settingsSchema.shape.time_format.describe("Format of the times in Luxon's tokens."),
      unit: z.enum(TIME_UNITS).optional().describe('Unit of times that are numbers.'),
    }),
    duration: z.strictObject({
      ...source,
      unit: z.enum(DURATION_UNITS).optional().describe('Unit of the value; `ms` where it is left out.'),
    }),
    money: z.strictObject({
      ...source,
      minor_units: z
        .boolean()
        .optional()
        .describe('The value is in the smaller unit: 3980 is 39.80 EUR, and 3980 JPY.'),
      decimal: z.enum(['.', ',']).optional().describe('Decimal separator.'),
      less: paths
        .optional()
        .describe(
          'Amounts that are taken off, such as a discount that the value is before; their sign does not matter.',
        ),
    }),
  };
  const formOf = ({ name, kind }: { name: string; kind: string }) => {
    if (kind === 'timestamp') return longForms.time;
    if (name === 'response_time') return longForms.duration;
    return kind === 'money' || kind === 'decimal' ? longForms.money : longForms.any;
  };
  const fieldsOf = (all: readonly { name: string; kind: string }[]) =>
    z.strictObject(
      Object.fromEntries(
        all.map((field) => [
          field.name,
          either<z.ZodType<FieldSpec>>(paths, formOf(field), shortField).optional(),
        ]),
      ),
    );

  return z.strictObject({
    extends: z.string().min(1).max(TEXT_MAX).optional().describe('A preset or file that this one changes.'),
    description: z.string().max(TEXT_MAX).optional().describe('One line for people.'),
    connect: z
      .string()
      .max(10 * TEXT_MAX)
      .optional()
      .describe('Markdown: how to bring the events of that system here, step by step.'),
    format: z
      .enum(FORMATS.map(({ name }) => name))
      .optional()
      .describe('The format of the input, where its content does not tell it.'),
    group: z
      .string()
      .min(1)
      .max(TEXT_MAX)
      .optional()
      .describe(
        'A column of a CSV: rows that follow each other with the same value in it are one record, the first of them; `^rows[*]` has all.',
      ),
    headerless: z
      .strictObject({
        columns: z
          .array(z.string().min(1).max(TEXT_MAX))
          .min(2)
          .max(ENTRIES_MAX)
          .describe('Names of its columns, in their order.'),
        quotes: z
          .boolean()
          .default(true)
          .describe('Whether cells may be in quotes. `false`: quotes are part of the values.'),
      })
      .optional()
      .describe(
        'How a CSV looks that has no line with the names of its columns: `columns` in their order, and `quotes: false` where no cell is in quotes. A file with as many columns is read so.',
      ),
    each: paths
      .optional()
      .describe('A list in the record of which each element is an event; paths begin at the element then.'),
    where: oneOrMore(conditions)
      .optional()
      .describe(
        'Only records for which all of this holds are events; others are left out, and counted. Of a list of conditions one must hold.',
      ),
    fields: fieldsOf(FIELDS.filter(({ kind }) => kind !== 'items'))
      .catchall(either<z.ZodType<FieldSpec>>(paths, longForms.any, shortField))
      .superRefine((given, context) => {
        for (const name of Object.keys(given)) {
          const meant = FIELD_NAMES.includes(name) ? null : nearest(name, FIELD_NAMES);
          if (meant !== null) context.addIssue({ code: 'unrecognized_keys', keys: [name], input: given });
        }
      })
      .default({})
      .describe(
        'Our fields, and where their values are; other names are kept in `extra`. A field that is not named is read by its own name.',
      ),
    items: either(
      paths,
      z.strictObject({
        from: paths.optional().describe('The list of lines, with names that are read as they are.'),
        each: paths.optional().describe('The list of lines; the paths of the fields begin at a line.'),
        where: conditions.optional().describe('Only lines for which all of this holds.'),
        fields: fieldsOf(ITEM_FIELDS).default({}).describe('What a line has, and where it is.'),
      }),
      shortField,
    )
      .optional()
      .describe('The lines of an order.'),
    extra: z
      .array(path)
      .max(ENTRIES_MAX)
      .optional()
      .describe('What else is kept, in `extra`. Where it is left out: all that was not used.'),
    drop: z
      .array(path)
      .max(ENTRIES_MAX)
      .optional()
      .describe('Members that are kept nowhere, such as keys and personal data, where `extra` is left out.'),
    order_lines: z.enum(ORDER_LINES).optional().describe(settingsSchema.shape.order_lines.description!),
    currency: settingsSchema.shape.currency,
    dollar: settingsSchema.shape.dollar,
    mark_bots: z.boolean().optional().describe(settingsSchema.shape.mark_bots.description!),
    has_quantity: z.boolean().optional().describe(settingsSchema.shape.has_quantity.description!),
  });
}

/** A mapping, as it is written. */
export const mappingSchema = schemaOfMapping(lengthened, readList);

/** A mapping as JSON Schema, for editors. */
export function mappingJsonSchema(): object {
  return z.toJSONSchema(schemaOfMapping(described, describedList), { io: 'input', unrepresentable: 'any' });
}

export type MappingSpec = z.infer<typeof mappingSchema>;
type Constant = z.infer<typeof constant>;

/** What a value must be. */
export interface Condition {
  in?: Constant[] | undefined;
  match?: string | undefined;
  exists?: boolean | undefined;
  not?: Constant[] | undefined;
}

/** Conditions by path; all of them must hold. */
export type Conditions = Readonly<Record<string, Condition>>;

/** How a field is told, in its long form. */
export interface FieldSpec {
  from?: string[] | undefined;
  join?: string[] | undefined;
  value?: Constant | undefined;
  match?: string | undefined;
  null?: Constant[] | undefined;
  values?: Record<string, Constant> | undefined;
  cases?: { when: Conditions; value?: Constant | undefined; from?: string[] | undefined }[] | undefined;
  default?: Constant | undefined;
  zone?: string | undefined;
  order?: (typeof DATE_ORDERS)[number] | undefined;
  format?: string | undefined;
  unit?: string | undefined;
  minor_units?: boolean | undefined;
  decimal?: '.' | ',' | undefined;
  less?: string[] | undefined;
}
