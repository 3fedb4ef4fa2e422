import type { IngestResult, LineError } from '../sources/source.ts';
import { ApiError } from '../telemetry/errors.ts';

/** The answer to a body that was stored, as JSON. */
export function ingestAnswer({ invalidFields, leftOut, ...result }: IngestResult): object {
  return { ...result, invalid_fields: invalidFields, ...(leftOut > 0 ? { left_out: leftOut } : {}) };
}

/** Nothing of a body was stored; the answer lists the rejected lines. */
export class LinesRejectedError extends ApiError {
  /** What the answer has beside the error. */
  readonly result: object;
  readonly ingested: IngestResult;

  /** `isStrict`: the client wants all or nothing; else nothing of the body is an event. */
  constructor(result: IngestResult, isStrict: boolean) {
    const { accepted, rejected, errors } = result;
    const count = accepted + rejected;
    const of =
      count === 0
        ? 'The body has no record'
        : count === 1
          ? 'The record is not an event'
          : `${rejected} of ${count} records are not events`;
    super(
      isStrict ? 'lines_rejected' : 'nothing_accepted',
      `${of}; nothing was stored.${errors[0] ? ` ${sentenceOf(errors[0])}` : ''}`,
    );
    this.ingested = { ...result, accepted: 0 };
    this.result = ingestAnswer(this.ingested);
  }
}

function sentenceOf({ line, record, code, field, example }: LineError): string {
  const value = example === undefined ? '' : `: ${example}`;
  return `Record ${record} (line ${line}): ${code}${field === undefined ? '' : ` (${field}${value})`}.`;
}
