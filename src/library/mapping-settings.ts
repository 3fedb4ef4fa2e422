/** What a mapping module exports as `settings`: how the values are read that it returns. docs/mappings.md explains each. */
export interface MappingSettings {
  /** Zone of times that name none, such as `Europe/Berlin`. */
  time_zone?: string | undefined;
  date_order?: 'mdy' | 'dmy' | 'ymd' | undefined;
  time_unit?: 's' | 'ms' | 'us' | 'ns' | 'days' | 'excel' | undefined;
  /** Format of times, in Luxon's tokens. */
  time_format?: string | undefined;
  decimal?: '.' | ',' | undefined;
  /** Currency of `$`. */
  dollar?: string | undefined;
  /** Currency of events that name none. */
  currency?: string | undefined;
  /** Money is in the smaller unit: of all fields, or of those named. */
  minor_units?: boolean | string[] | undefined;
  /** Event types of the source, and ours for them. */
  event_types?: Record<string, string> | undefined;
  null_words?: string[] | undefined;
  null_users?: string[] | undefined;
  order_lines?: 'equal' | 'distinct' | undefined;
  mark_bots?: boolean | undefined;
  has_quantity?: boolean | undefined;
}
