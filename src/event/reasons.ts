/** Why a line is a bad row. The list is closed: each code is documented in docs/events.md and has a test. */
export const REASONS = {
  not_utf8: 'The line is not UTF-8: set `encoding` to that of the source, such as windows-1252.',
  not_json: 'The line is not JSON.',
  not_an_object: 'The line is JSON, but not an object.',
  line_too_long: 'The line is longer than the limit; its beginning is kept.',
  too_deep: 'Objects or arrays are nested deeper than the limit.',
  duplicate_field: 'A field of the schema occurs twice in the line.',
  reserved_field: 'The line has the field `tillstream_bad`, which only Tillstream writes.',
  nul_character: 'A field holds the character U+0000, which no table can store.',
  missing_field: 'A required field is missing, null or empty.',
  wrong_type: 'A field has another JSON type than the schema says.',
  text_too_long: 'A text field is longer than its limit.',
  bad_timestamp: 'The timestamp is in no accepted format, names no real date, or has no zone.',
  timestamp_out_of_range:
    'The timestamp is before 1970, or is a number that gives no time between 1995 and 2100.',
  date_order:
    'Day and month of the date do not fit the date order of the source: set `date_order` to mdy, dmy or ymd.',
  timestamp_in_future: 'The timestamp is more than 5 minutes ahead of the time of receipt.',
  bad_number: 'A number field is not a number of the accepted form.',
  ambiguous_number:
    'A number such as 1,234 may be a thousand or a fraction: set `decimal` to the decimal separator of the source.',
  number_out_of_range: 'A number field is outside of its limits; a quantity below zero belongs to a refund.',
  bad_currency:
    'The currency of a purchase or refund is not a code, a name or a sign, or another one stands beside an amount or price.',
  bad_record: 'The piece of the input is not a record of its format.',
  bad_quote: 'A quote in a CSV or log line is not closed, or begins in the middle of a cell.',
  wrong_cell_count: 'The line has more or fewer cells than there are columns.',
  mapping_failed: 'The mapping can not be applied to the record, or failed on it.',
  cut_off: 'The input ends in the middle of a record or array.',
} as const;

export type Reason = keyof typeof REASONS;

export const REASON_CODES = Object.keys(REASONS) as Reason[];
