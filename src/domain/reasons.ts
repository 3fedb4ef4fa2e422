/** Why a line is a bad row. The list is closed: each code is documented in docs/events.md and has a test. */
export const REASONS = {
  not_utf8: 'The line is not UTF-8.',
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
  timestamp_out_of_range: 'The timestamp is before 1970.',
  timestamp_in_future: 'The timestamp is more than 5 minutes ahead of the time of receipt.',
  bad_number: 'A number field is not a number of the accepted form.',
  number_out_of_range: 'A number field is outside of its limits.',
} as const;

export type Reason = keyof typeof REASONS;

export const REASON_CODES = Object.keys(REASONS) as Reason[];
