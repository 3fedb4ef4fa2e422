import { FIELDS, MONEY_PRECISION, MONEY_SCALE } from './fields.ts';

/** A column of an archive table: its type in Delta's schema and in DuckDB. */
export interface Column {
  readonly name: string;
  readonly deltaType: string;
  readonly duckType: string;
  readonly nullable: boolean;
  readonly description: string;
}

const TYPES = {
  timestamp: { deltaType: 'timestamp', duckType: 'TIMESTAMPTZ' },
  text: { deltaType: 'string', duckType: 'VARCHAR' },
  integer: { deltaType: 'integer', duckType: 'INTEGER' },
  long: { deltaType: 'long', duckType: 'BIGINT' },
  date: { deltaType: 'date', duckType: 'DATE' },
  money: {
    deltaType: `decimal(${MONEY_PRECISION},${MONEY_SCALE})`,
    duckType: `DECIMAL(${MONEY_PRECISION},${MONEY_SCALE})`,
  },
} as const;

const column = (name: string, type: keyof typeof TYPES, description: string, nullable = false): Column => ({
  name,
  ...TYPES[type],
  nullable,
  description,
});

/** Where a row came from: in both tables. */
const ORIGIN_COLUMNS: readonly Column[] = [
  column('log_partition', 'integer', 'Partition of the event log.'),
  column('log_offset', 'long', 'Offset in the partition.'),
  column('log_line', 'integer', 'Line within the offset, where one record holds several; else 0.'),
  column('received_at', 'timestamp', 'When the log took it; only grows along a partition.'),
  column('source', 'text', 'Which source brought it.'),
];

/** The partition column of both tables. Values are in the file paths, not in the files. */
export const DATE_COLUMN = 'event_date';

/** The column that holds the schema's `timestamp`. */
export const EVENT_TIME_COLUMN = 'event_time';

export const EVENT_COLUMNS: readonly Column[] = [
  ...FIELDS.map((field) =>
    field.kind === 'timestamp'
      ? column(EVENT_TIME_COLUMN, 'timestamp', 'The event’s `timestamp`, as an instant.')
      : column(field.name, field.kind, field.description, !field.required),
  ),
  column('extra', 'text', 'Fields that the schema does not know, as a JSON object.', true),
  ...ORIGIN_COLUMNS,
  column(DATE_COLUMN, 'date', 'UTC date of event_time.'),
];

export const BAD_ROW_COLUMNS: readonly Column[] = [
  column('reason', 'text', 'Why it is no event: a code of docs/events.md.'),
  column('field', 'text', 'The field that was wrong, if it was one.', true),
  column('raw', 'text', 'The line as it came; base64 where it was not UTF-8.', true),
  ...ORIGIN_COLUMNS,
  column(DATE_COLUMN, 'date', 'UTC date of received_at.'),
];
