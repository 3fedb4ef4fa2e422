import type { IngestResult } from '../ingest/ingest-result.ts';

/** What Tillstream throws. `message` says what is wrong, with the values at fault. */
export class TillstreamError extends Error {
  override name = 'TillstreamError';
  /** A code of docs/errors.md, or of the class. It stays the same where a message is put better. */
  readonly code: string;
  /** What to do; empty where the message says it. */
  readonly hint: string;

  constructor(code: string, message: string, hint = '') {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

/** The pipeline can't be opened like this: `bad_config` (options, config, or what it names), or `data_in_use` by another process. */
export class ConfigError extends TillstreamError {
  override name = 'ConfigError';
}

/** What was given can't be used, such as an unknown metric. The same call fails again. */
export class InputError extends TillstreamError {
  override name = 'InputError';
}

/** Nothing of an input was stored: none of its records is an event, or, with `strict`, some are not. */
export class RejectedError extends InputError {
  override name = 'RejectedError';
  readonly result: IngestResult;

  constructor(code: string, message: string, hint: string, result: IngestResult) {
    super(code, message, hint);
    this.result = result;
  }
}

/**
 * It does not work at the moment, or the pipeline is closed. Nothing of the input was stored, unless the message of a log on Kafka says that this is not
 * known. Try the same call again later.
 */
export class UnavailableError extends TillstreamError {
  override name = 'UnavailableError';
  /** When to try again, where that is known. */
  readonly retryAfterSeconds: number | undefined;

  constructor(code: string, message: string, hint = '', retryAfterSeconds?: number) {
    super(code, message, hint);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}
