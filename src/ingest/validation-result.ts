import type { LineError } from '../sources/source.ts';
import { FindingTally } from './finding-tally.ts';

/** Lines as they will be stored, and what was found about them. */
export interface ValidationResult {
  /** NDJSON for the log: events in their canonical form, rejected lines marked with their reason. */
  bytes: Buffer[];
  /** Names of the fields that the events have; others may be among them. */
  fields: readonly string[];
  accepted: number;
  rejected: number;
  errors: LineError[];
  /** Rejected lines by reason. */
  reasons: Record<string, number>;
  /** Events by field whose value could not be read. */
  invalidFields: Record<string, number>;
  tally: FindingTally;
  /** Findings about these records that the observer has at its end, too. */
  late: FindingTally;
  /** Records of the input, those that were skipped included. */
  records: number;
  skipped: number;
  /** The first record that was changed, and the event that it became. */
  example: { readonly record: string; readonly event: string } | null;
}

/** The result of an input of which nothing has been looked at. */
export function emptyResult(): ValidationResult {
  return {
    bytes: [],
    fields: [],
    accepted: 0,
    rejected: 0,
    errors: [],
    reasons: {},
    invalidFields: {},
    tally: new FindingTally(),
    late: new FindingTally(),
    records: 0,
    skipped: 0,
    example: null,
  };
}

const EXAMPLE_BYTES_MAX = 1000;

/** A record and its event, in short. */
export function exampleOf(record: Buffer, event: Buffer): ValidationResult['example'] {
  return {
    record: record.toString('utf8', 0, EXAMPLE_BYTES_MAX),
    event: event.toString('utf8', 0, EXAMPLE_BYTES_MAX),
  };
}
