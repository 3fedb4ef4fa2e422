import type { Finding } from './finding.ts';

/** What became of the records of one input. */
export interface IngestResult {
  accepted: number;
  rejected: number;
  /** Records that a mapping left out by its rule; they are stored nowhere. */
  leftOut: number;
  errors: LineError[];
  /** Rejected lines by reason. */
  reasons: Record<string, number>;
  /** Events by field whose value could not be read. */
  invalidFields: Record<string, number>;
  /** What is doubtful in the events that were accepted. */
  findings: Finding[];
}

/** A rejected record: `line` is the line of the input where it begins, `record` its number there, both from 1. The first 100 are listed. */
export interface LineError {
  line: number;
  record: number;
  code: string;
  field?: string;
  /** The value at fault, or the beginning of the record; short, and without control characters. */
  example?: string;
}
