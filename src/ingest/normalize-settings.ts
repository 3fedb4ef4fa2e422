import { z } from 'zod';
import { FIELDS } from '../event/fields.ts';
import { NULL_USERS, NULL_WORDS } from '../event/null-words.ts';
import { isTimeZone } from '../event/time-zone.ts';
import { isStorable } from './json-text.ts';
import { readCurrency } from './values/read-currency.ts';
import { formatProblem } from './values/time-format.ts';
import { TIME_UNITS } from './values/time-number.ts';
import { DATE_ORDERS } from './values/time-text.ts';

/** Fields that hold money; of the lines of an order, the price. */
const MONEY_NAMES = [...FIELDS.filter(({ kind }) => kind === 'money').map(({ name }) => name), 'items.price'];

/** What equal lines of an order are. */
export const ORDER_LINES = ['equal', 'distinct'] as const;

const WORDS_MAX = 1000;
const WORD_LENGTH_MAX = 256;
const words = z.array(z.string().max(WORD_LENGTH_MAX)).max(WORDS_MAX);

const currencyText = z
  .string()
  .refine((code) => readCurrency(code) !== null, 'is not an ISO 4217 code such as EUR');
/** A currency in any way that events may write it, as its code: the same in each setting and option. */
export const currencyCode = currencyText.transform((code) => readCurrency(code)!);

/** How the values of a source are to be read. All of it can be left out. */
export const settingsSchema = z.strictObject({
  time_zone: z
    .string()
    .refine(isTimeZone, 'is not an IANA time zone, such as Europe/Berlin')
    .default('UTC')
    .describe(
      'Time zone for times without one. When the clocks go back, the first of two equal local times is used.',
    ),
  date_order: z
    .enum(DATE_ORDERS)
    .optional()
    .describe(
      'Order of dates such as 11/1/2024. Default: mdy; with dots, the day is first. Years of two digits are read only if this is set.',
    ),
  time_unit: z
    .enum(TIME_UNITS)
    .optional()
    .describe(
      'Unit of times that are numbers. Default: recognized by their size. `excel` and `days` count days, those of a worksheet or since 1970.',
    ),
  time_format: z
    .string()
    .min(1)
    .max(WORD_LENGTH_MAX)
    .superRefine((format, context) => {
      const problem = formatProblem(format);
      if (problem !== null) context.addIssue({ code: 'custom', message: `can't be used: ${problem}` });
    })
    .optional()
    .describe("Format of times in Luxon's tokens, such as `dd.MM.yy HH:mm`. No other form is read then."),
  decimal: z
    .enum(['.', ','])
    .optional()
    .describe('Decimal separator. Without it, a text such as 1,234 or 1.234 is rejected as ambiguous.'),
  dollar: currencyCode.optional().describe('Currency of `$`, such as USD.'),
  currency: currencyCode.optional().describe('Currency of events without one.'),
  minor_units: z
    .union([z.boolean(), z.array(z.enum(MONEY_NAMES)).min(1)])
    .optional()
    .describe(
      'Whether amounts and prices are whole numbers of the smaller unit: 3980 is 39.80 EUR, and 3980 JPY. Or a list of the fields that are.',
    ),
  event_types: z
    .record(
      z.string().min(1).max(WORD_LENGTH_MAX),
      z.string().trim().min(1).max(64).refine(isStorable, 'has characters that no table can store'),
    )
    .refine((map) => Object.keys(map).length <= WORDS_MAX, `must have at most ${WORDS_MAX} names`)
    .default({})
    .describe('Event types of the source, and ours for them. Case, blanks and punctuation are ignored.'),
  null_words: words
    .default([...NULL_WORDS])
    .describe(
      'Words for a missing value. Case is ignored; an empty value is always missing. They replace the default ones.',
    ),
  null_users: words
    .default([...NULL_USERS])
    .describe('Further words for a missing `user_id`. They replace the default ones.'),
  order_lines: z
    .enum(ORDER_LINES)
    .default('equal')
    .describe(
      'Equal lines of an order with different event_ids. `equal`: they are one line that was reported several times. `distinct`: each counts. ' +
        'An order that a second system reports then counts again.',
    ),
  has_quantity: z
    .boolean()
    .default(true)
    .describe(
      'Whether records of orders contain the number of pieces. `false`: a finding reports that `units` counts one piece per order.',
    ),
  mark_bots: z.boolean().default(true).describe('Mark events whose `user_agent` is a known bot.'),
});

const { shape } = settingsSchema;
/** The same as settings of a source in the config, as they are written; the shop's time zone holds for all sources. */
export const sourceSettingsSchema = settingsSchema.extend({
  time_zone: shape.time_zone
    .unwrap()
    .optional()
    .describe(`${shape.time_zone.description} Default: that of the shop.`),
  dollar: currencyText.optional().describe(shape.dollar.description!),
  currency: currencyText.optional().describe(shape.currency.description!),
});

export type NormalizeSettings = z.infer<typeof settingsSchema>;
/** Settings as they are written, with what is left out. */
export type NormalizeSettingsInput = z.input<typeof settingsSchema>;

/** Settings that change nothing of a canonical event; values that they are about are never taken for canonical. */
const ABOUT_OTHER_FORMS = ['time_zone', 'date_order', 'dollar', 'event_types', 'mark_bots'];

/** Whether an event in its canonical form is read as it stands, whatever is set. */
export function keepsPlainLines(given: NormalizeSettingsInput): boolean {
  return Object.entries(given).every(
    ([name, value]) =>
      value === undefined ||
      ABOUT_OTHER_FORMS.includes(name) ||
      (name === 'decimal' && value === '.') ||
      (name === 'minor_units' && value === false) ||
      (name === 'has_quantity' && value === true) ||
      (name === 'order_lines' && value === 'equal'),
  );
}
