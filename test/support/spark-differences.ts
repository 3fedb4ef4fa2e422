import type { Reason } from '../../src/domain/reasons.ts';

/**
 * Where Spark's SQL takes a line that the door refuses. It matters only for records of a topic that others write to; the
 * archive judges those by DuckDB's SQL, so that its rows and Spark's points may differ by them. The list is closed: the
 * differential test fails on any other difference.
 */
interface SparkDifference {
  name: string;
  /** What the door says. */
  reason: Reason;
  description: string;
  /** A line that shows it. */
  line: string;
}

const EVENT = '"timestamp":"2026-11-23T10:15:30Z","event_type":"purchase"';

export const SPARK_DIFFERENCES: readonly SparkDifference[] = [
  {
    name: 'wrong_type',
    reason: 'wrong_type',
    description: 'A text field that is no string keeps the JSON text of its value.',
    line: `{${EVENT},"user_id":{"id": 7}}`,
  },
  {
    name: 'duplicate_field',
    reason: 'duplicate_field',
    description: 'Of a field that occurs twice the last value is taken.',
    line: `{${EVENT},"user_id":"first","user_id":"second"}`,
  },
  {
    name: 'too_deep',
    reason: 'too_deep',
    description: 'Objects and arrays of unknown fields may be nested deeper than the limit.',
    line: `{${EVENT},"note":${'['.repeat(40)}${']'.repeat(40)}}`,
  },
  {
    name: 'lone_surrogate',
    reason: 'not_json',
    description: 'An escape of half a surrogate pair is let through.',
    line: `{${EVENT},"note":"\\ud800"}`,
  },
  {
    name: 'odd_escape',
    reason: 'not_json',
    description:
      'An escape \\u is let through when characters outside of ASCII stand for some of its digits.',
    line: `{${EVENT},"note":"\\u00e\u{1d11e}"}`,
  },
  {
    name: 'trailing_text',
    reason: 'not_json',
    description: 'What follows the object on its line is ignored.',
    line: `{${EVENT}},"note":1}`,
  },
  {
    name: 'reserved_null',
    reason: 'reserved_field',
    description: 'The reserved field is ignored when it is null; of two the last one counts.',
    line: `{${EVENT},"tillstream_bad":null}`,
  },
  {
    name: 'nul_character',
    reason: 'nul_character',
    description: 'U+0000 in an unknown field is let through; in a field of the schema it is refused.',
    line: `{${EVENT},"note":"a\\u0000b"}`,
  },
];
