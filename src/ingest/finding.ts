/** Something doubtful that came in, and was not rejected. */
export interface Finding {
  /** A code of docs/findings.md. */
  code: string;
  /** Events, or records, to which it applies. */
  rows: number;
  message: string;
  /** A value or record of them. */
  example: string;
  /** The setting, or the change at the source, that settles it. */
  setting: string;
}

/** What was found in the events of one source. */
export interface SourceFindings {
  /** As in the ledger. */
  source: string;
  findings: Finding[];
}
