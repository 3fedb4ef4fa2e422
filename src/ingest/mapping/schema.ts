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

const asList = (given: unknown) => (Array.isArray(given) ? given : [given]);
const shortField = (given: unknown) =>
  typeof given === 'string' || Array.isArray(given) ? { from: given } : given;

/** A path, or several. */
const pathsIn = (either: Either) =>
  either(path, z.array(path).min(1).max(ENTRIES_MAX), (given) =>
    typeof given === 'string' ? [given] : given,
  );

/** Conditions on a record; all of them must hold. */
function conditionsIn(either: Either) {
  const condition = either(
    z.union([constant, constants]),
    z.strictObject({
      in: constants.optional().describe('Accepted values.'),
      match: pattern.optional().describe('A regular expression (RE2) that must match the value.'),
      exists: z.boolean().optional().describe('Whether a value must be present.'),
      not: either(constant, constants, asList).optional().describe('Values that are not accepted.'),
    }),
    // Nothing at all is a mistake of its own.
    (given) => (given === null ? given : { in: asList(given) }),
  );
  return z.record(checked(z.string().min(1).max(TEXT_MAX), parsePath), condition);
}

/** The fields of an event or of a line of an order, and `any`: how a field is read that has no rules of its own. */
function fieldForms(either: Either) {
  const paths = pathsIn(either);
  const conditions = conditionsIn(either);
  const source = {
    from: paths
      .optional()
      .describe('Path of the value, or several paths, of which the first with a value is used.'),
    join: z
      .array(path)
      .min(2)
      .max(10)
      .optional()
      .describe('Paths whose values are joined with a space, such as a date and a time.'),
    value: constant.optional().describe('A constant value.'),
    match: pattern
      .optional()
      .describe(
        'A regular expression (RE2). The value is its first group, or the whole match if it has no group.',
      ),
    null: constants.optional().describe('Further values that mean a missing value.'),
    values: z
      .record(z.string().max(TEXT_MAX), constant)
      .optional()
      .describe('Values of the source, and the values to use instead. Other values are unchanged.'),
    cases: z
      .array(z.strictObject({ when: conditions, value: constant.optional(), from: paths.optional() }))
      .max(ENTRIES_MAX)
      .optional()
      .describe('Values or paths that depend on the record: the first case whose conditions are all true.'),
    default: constant.optional().describe('The value if there is none.'),
  };
  const longForms = {
    any: z.strictObject(source),
    time: z.strictObject({
      ...source,
      zone: settingsSchema.shape.time_zone.unwrap().optional().describe('Time zone for times without one.'),
      order: z.enum(DATE_ORDERS).optional().describe('Order of day, month and year.'),
      format: settingsSchema.shape.time_format.describe("Format of the times, in Luxon's tokens."),
      unit: z.enum(TIME_UNITS).optional().describe('Unit of times that are numbers.'),
    }),
    duration: z.strictObject({
      ...source,
      unit: z.enum(DURATION_UNITS).optional().describe('Unit of the value. Default: `ms`.'),
    }),
    money: z.strictObject({
      ...source,
      minor_units: z
        .boolean()
        .optional()
        .describe('Whether the value is in the smaller unit: 3980 means 39.80 EUR, or 3980 JPY.'),
      decimal: z.enum(['.', ',']).optional().describe('Decimal separator.'),
      less: paths
        .optional()
        .describe('Amounts to subtract, such as a discount that is not yet deducted. Their sign is ignored.'),
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
  return { any: longForms.any, fieldsOf };
}

function schemaOfMapping(either: Either, oneOrMore: OneOrMore) {
  const paths = pathsIn(either);
  const conditions = conditionsIn(either);
  const { any, fieldsOf } = fieldForms(either);
  return z.strictObject({
    extends: z.string().min(1).max(TEXT_MAX).optional().describe('A preset or file to start from.'),
    description: z.string().max(TEXT_MAX).optional().describe('A description in one line.'),
    connect: z
      .string()
      .max(10 * TEXT_MAX)
      .optional()
      .describe('Markdown: how to connect that system, step by step.'),
    format: z
      .enum(FORMATS.map(({ name }) => name))
      .optional()
      .describe('The format of the input. Default: detected.'),
    group: z
      .string()
      .min(1)
      .max(TEXT_MAX)
      .optional()
      .describe(
        'A column of a CSV. Consecutive rows with the same value in it become one record: the first row. `^rows[*]` has all of them.',
      ),
    headerless: z
      .strictObject({
        columns: z
          .array(z.string().min(1).max(TEXT_MAX))
          .min(2)
          .max(ENTRIES_MAX)
          .describe('The names of the columns, in order.'),
        quotes: z
          .boolean()
          .default(true)
          .describe('Whether cells may be quoted. `false`: quotes are part of the values.'),
      })
      .optional()
      .describe(
        'The layout of a CSV without a header line: its `columns` in order, and `quotes: false` if no cell is quoted. Applies to files with that many columns.',
      ),
    each: paths
      .optional()
      .describe('A list in the record. Each element becomes an event, and paths begin at the element.'),
    where: oneOrMore(conditions)
      .optional()
      .describe(
        'Only records that meet all of these conditions become events. Others are left out, and counted. In a list of conditions, one must be met.',
      ),
    fields: fieldsOf(FIELDS.filter(({ kind }) => kind !== 'items'))
      .catchall(either<z.ZodType<FieldSpec>>(paths, any, shortField))
      .superRefine((given, context) => {
        for (const name of Object.keys(given)) {
          const meant = FIELD_NAMES.includes(name) ? null : nearest(name, FIELD_NAMES);
          if (meant !== null) context.addIssue({ code: 'unrecognized_keys', keys: [name], input: given });
        }
      })
      .default({})
      .describe(
        'The fields, and the paths of their values. Other names are kept in `extra`. A field that is not listed is read from its own name.',
      ),
    items: either(
      paths,
      z.strictObject({
        from: paths.optional().describe('The list of lines, with names that are read as they are.'),
        each: paths.optional().describe('The list of lines; the paths of the fields begin at a line.'),
        where: conditions.optional().describe('Only lines that meet all of these conditions.'),
        fields: fieldsOf(ITEM_FIELDS).default({}).describe('The fields of a line, and their paths.'),
      }),
      shortField,
    )
      .optional()
      .describe('The lines of an order.'),
    extra: z
      .array(path)
      .max(ENTRIES_MAX)
      .optional()
      .describe('Paths that are kept in `extra`. Default: everything that was not used.'),
    drop: z
      .array(path)
      .max(ENTRIES_MAX)
      .optional()
      .describe('Paths that are not kept in `extra`, such as keys and personal data. Only without `extra`.'),
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
