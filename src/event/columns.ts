import { FIELDS, type FieldKind, MONEY_PRECISION, MONEY_SCALE } from './fields.ts';

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
  boolean: { deltaType: 'boolean', duckType: 'BOOLEAN' },
  money: {
    deltaType: `decimal(${MONEY_PRECISION},${MONEY_SCALE})`,
    duckType: `DECIMAL(${MONEY_PRECISION},${MONEY_SCALE})`,
  },
} as const;

/** Type of the columns of each kind of field. `items` is JSON text. */
const TYPE_OF_KIND: Readonly<Record<FieldKind, keyof typeof TYPES>> = {
  timestamp: 'timestamp',
  text: 'text',
  integer: 'integer',
  money: 'money',
  decimal: 'money',
  boolean: 'boolean',
  items: 'text',
};

/** DuckDB's type of the column of a field. */
export const duckTypeOf = (kind: FieldKind): string => TYPES[TYPE_OF_KIND[kind]].duckType;

/** Types that columns had in tables of older versions, as Delta calls them: such tables are rewritten before they get new rows. */
export const FORMER_TYPES: Readonly<Record<string, string>> = { quantity: 'integer' };

const column = (name: string, type: keyof typeof TYPES, description: string, nullable = false): Column => ({
  name,
  ...TYPES[type],
  nullable,
  description,
});

/** Where a row came from: in both tables. */
export const ORIGIN_COLUMNS: readonly Column[] = [
  column('log_partition', 'integer', 'Partition of the event log.'),
  column('log_offset', 'long', 'Offset in the partition.'),
  column('log_line', 'integer', 'Line within the offset, if one record holds several lines; otherwise 0.'),
  column('received_at', 'timestamp', 'Time of receipt by the event log; never decreases within a partition.'),
  column('source', 'text', 'Source of the row.'),
];

/** The partition column of both tables. Values are in the file paths, not in the files. */
export const DATE_COLUMN = 'event_date';

/** The column that holds the schema's `timestamp`. */
export const EVENT_TIME_COLUMN = 'event_time';

/** What was decided once, when the row was decoded (src/decode/identity.ts). */
const DECIDED_COLUMNS: readonly Column[] = [
  column(
    'duplicate',
    'boolean',
    'Whether the event was received before. The metrics count rows `WHERE NOT duplicate`, without those of tests and bots.',
  ),
  column(
    'new_order',
    'boolean',
    'For purchases: whether this is the first row of its order. The number of these rows is the number of orders.',
    true,
  ),
];

export const EVENT_COLUMNS: readonly Column[] = [
  ...FIELDS.map((field) =>
    field.kind === 'timestamp'
      ? column(EVENT_TIME_COLUMN, 'timestamp', 'The event’s `timestamp`, as an instant.')
      : column(field.name, TYPE_OF_KIND[field.kind], field.description, !field.required),
  ),
  column('extra', 'text', 'Fields that are not in the schema, as a JSON object.', true),
  ...ORIGIN_COLUMNS,
  ...DECIDED_COLUMNS,
  column(DATE_COLUMN, 'date', 'UTC date of event_time.'),
];

export const BAD_ROW_COLUMNS: readonly Column[] = [
  column('reason', 'text', 'Why the line is not an event: a code in docs/events.md.'),
  column('field', 'text', 'The field at fault, if there is one.', true),
  column('raw', 'text', 'The line as received; base64 if it was not UTF-8.', true),
  ...ORIGIN_COLUMNS,
  column(DATE_COLUMN, 'date', 'UTC date of received_at.'),
];
