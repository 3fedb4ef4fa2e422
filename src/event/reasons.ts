/** Why a line is a bad row. The list is closed: each code is documented in docs/events.md and has a test. */
export const REASONS = {
  not_utf8: 'The line is not UTF-8. Set `encoding` to that of the source, such as windows-1252.',
  not_json: 'The line is not JSON.',
  not_an_object: 'The line is JSON, but not an object.',
  line_too_long: 'The line is longer than the limit. Its beginning is kept.',
  too_deep: 'Objects or arrays are nested deeper than the limit.',
  duplicate_field: 'A field of the schema occurs twice in the line.',
  reserved_field: 'The line has the field `tillstream_bad`, which is reserved for Tillstream.',
  nul_character: 'A field holds the character U+0000, which no table can store.',
  missing_field: 'A required field is missing, null or empty.',
  wrong_type: 'A field does not have the JSON type that the schema requires.',
  text_too_long: 'A text field is longer than its limit.',
  bad_timestamp: 'The timestamp is not in an accepted format, is not a real date, or has no time zone.',
  timestamp_out_of_range:
    'The timestamp is before 1970, or is a number that does not give a time between 1995 and 2100.',
  date_order:
    'The day and month do not fit the date order of the source. Set `date_order` to mdy, dmy or ymd.',
  timestamp_in_future: 'The timestamp is more than 5 minutes ahead of the time of receipt.',
  bad_number: 'A number is not in an accepted form.',
  ambiguous_number:
    'A number such as 1,234 may be thousands or a decimal. Set `decimal` to the decimal separator of the source.',
  number_out_of_range: 'A number is outside its limits. A quantity below zero belongs to a refund.',
  bad_currency:
    'The currency of a purchase or refund is not a known code, name or sign, or differs from the one beside an amount or price.',
  bad_record: 'The record is not valid in the format of the input.',
  bad_quote: 'A quote in a CSV or log line is not closed, or opens in the middle of a cell.',
  wrong_cell_count: 'The line has more or fewer cells than columns.',
  mapping_failed: 'The mapping does not apply to the record, or failed on it.',
  cut_off: 'The input ends in the middle of a record or array.',
} as const;

export type Reason = keyof typeof REASONS;

export const REASON_CODES = Object.keys(REASONS) as Reason[];
