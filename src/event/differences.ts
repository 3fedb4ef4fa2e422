import type { Reason } from './reasons.ts';

/**
 * Where the event schema in SQL takes a line that ingest refuses. It matters only for records that came past ingest
 * (a topic that others write too). The list is closed: the differential test fails on any other difference.
 */
export interface Difference {
  name: string;
  /** What ingest says. */
  reason: Reason;
  description: string;
  /** A line that shows it, and some columns of the row that SQL makes of it. */
  line: string;
  row: Readonly<Record<string, string | null>>;
}

const EVENT = '"timestamp":"2026-11-23T10:15:30Z","event_type":"purchase"';

export const DIFFERENCES: readonly Difference[] = [
  {
    name: 'trailing_comma',
    reason: 'not_json',
    description: 'A comma before the closing bracket is ignored.',
    line: `{${EVENT},}`,
    row: { event_type: 'purchase', extra: null },
  },
  {
    name: 'nan',
    reason: 'not_json',
    description: 'NaN and Infinity are taken as numbers in optional and in unknown fields.',
    line: `{${EVENT},"user_id":NaN,"load":-Infinity}`,
    row: { user_id: 'NaN', extra: '{"load":-Infinity}' },
  },
  {
    name: 'wrong_type',
    reason: 'wrong_type',
    description: 'An event_type that is not a string is the JSON text of its value.',
    line: `{"timestamp":"2026-11-23T10:15:30Z","event_type":{"id": 7}}`,
    row: { event_type: '{"id":7}' },
  },
  {
    name: 'duplicate_field',
    reason: 'duplicate_field',
    description: 'Of a field that occurs twice the first value is taken.',
    line: `{${EVENT},"user_id":"first","user_id":"second"}`,
    row: { user_id: 'first', extra: null },
  },
  {
    name: 'reserved_null',
    reason: 'reserved_field',
    description: 'The reserved field is ignored when it is null; with any other value the line is a bad row.',
    line: `{${EVENT},"tillstream_bad":null}`,
    row: { event_type: 'purchase' },
  },
];
