/** Every error that the API answers with: its status and what to do. The list is closed; docs/errors.md is made from it. */
export const API_ERRORS = {
  bad_request: { status: 400, hint: 'GET /openapi.json lists what this address accepts.' },
  bad_encoding: {
    status: 400,
    hint: 'Send the body as it is, or with Content-Encoding gzip, br, zstd or deflate, intact.',
  },
  bad_json: {
    status: 400,
    hint: 'Send NDJSON (one JSON object per line), a JSON array of objects, or one object.',
  },
  bad_range: {
    status: 400,
    hint: 'from and to are ISO 8601 times or milliseconds since 1970, from before to.',
  },
  too_many_rows: {
    status: 400,
    hint: 'Narrow from and to, take a larger window, or use total=true with top.',
  },
  bad_window: { status: 400, hint: 'Use a window of the metric: 1m, 1h or 1d.' },
  unauthorized: { status: 401, hint: 'Send an API key of the config: Authorization: Bearer KEY.' },
  not_signed: {
    status: 401,
    hint: 'Compare the secret of the webhook in the config with the one in the sending system. Signatures of Stripe are valid for 5 minutes.',
  },
  forbidden: { status: 403, hint: 'Use a key with this scope, or allow the origin or host in the config.' },
  other_role: {
    status: 421,
    hint: 'Processes share the work (up --roles). GET /v1/status of each shows its roles.',
  },
  not_found: { status: 404, hint: 'GET /openapi.json lists the addresses.' },
  method_not_allowed: { status: 405, hint: 'Use a method that the header Allow lists.' },
  unknown_metric: {
    status: 404,
    hint: '"tillstream status --json" and GET /v1/status list the metrics.',
  },
  demo: {
    status: 409,
    hint: 'Stop it with ./stop-pipeline.sh and start your own shop with ./start-pipeline.sh --no-demo; then send again.',
  },
  bad_mapping: {
    status: 400,
    hint: 'Correct the mapping or the setting: docs/mappings.md lists all of them.',
  },
  wrong_offset: {
    status: 409,
    hint: 'GET /v1/imports/ID shows how many bytes were received (received_bytes). Continue from that byte.',
  },
  import_gone: {
    status: 404,
    hint: 'Choose the file again. A file is removed if nobody requests it for 5 minutes.',
  },
  import_busy: { status: 409, hint: 'Wait until it has ended, or cancel it: DELETE /v1/imports/ID.' },
  import_refused: {
    status: 422,
    hint: 'Nothing was stored. docs/formats.md lists the accepted formats.',
  },
  import_too_large: { status: 413, hint: 'Use "tillstream load FILE", which accepts files of any size.' },
  too_many_imports: {
    status: 429,
    hint: 'Wait until one has finished, or remove one: GET /v1/imports lists them. A file is removed if nobody requests it for 5 minutes.',
  },
  disk_full: { status: 507, hint: 'Free space on the disk of the data folder; then choose the file again.' },
  timeout: { status: 408, hint: 'Send the request faster; the time for a request is limited.' },
  too_large: {
    status: 413,
    hint: 'Send smaller batches; the limits are in the config, under the source of kind http.',
  },
  unsupported_format: {
    status: 415,
    hint: 'Send NDJSON, JSON, CSV or another format of docs/formats.md.',
  },
  unsupported_encoding: { status: 415, hint: 'Use Content-Encoding gzip, br, zstd, deflate or none.' },
  lines_rejected: {
    status: 422,
    hint: 'Fix the listed lines, or send without strict=true to store the valid ones.',
  },
  nothing_accepted: {
    status: 422,
    hint: 'Send at least one event. Compare the lines that are listed with docs/events.md.',
  },
  too_many_requests: { status: 429, hint: 'Wait for Retry-After seconds, then send the same request again.' },
  too_many_sources: {
    status: 400,
    hint: 'Send the lines as one of the sources that GET /v1/ledger lists, or without x-tillstream-source.',
  },
  archive_failed: {
    status: 503,
    hint: 'Other components continue. Send the same request again when the archive can be read again.',
  },
  metrics_failed: {
    status: 503,
    hint: 'Collecting and archiving continue. "tillstream status" shows when the metrics are back.',
  },
  internal: { status: 500, hint: 'Look at the log of Tillstream for the request id.' },
  archive_behind: {
    status: 503,
    hint: 'Ask again when the archive has caught up: "tillstream status" shows the reason.',
  },
  log_full: { status: 503, hint: 'Free disk space or lower the retention of the log; then send again.' },
  log_busy: { status: 503, hint: 'Wait for Retry-After seconds, then send the same request again.' },
  log_failed: {
    status: 503,
    hint: 'The log could not store the lines: check its disk, or its brokers; then restart Tillstream.',
  },
  log_closed: { status: 503, hint: 'Tillstream is stopping; send again when it is back.' },
} as const;

export type ApiErrorCode = keyof typeof API_ERRORS;

/** Their hints are about requests; for who did not send one, the message says all. */
const ABOUT_REQUESTS: readonly string[] = [
  'bad_request',
  'bad_range',
  'bad_window',
  'too_many_rows',
  'unknown_metric',
] satisfies ApiErrorCode[];

/** What to do where the error is shown on the command line, or to a program that uses the library. */
export function hintElsewhere({ code, hint }: { code: string; hint: string }): string {
  return ABOUT_REQUESTS.includes(code) ? '' : hint;
}

/** An error with an answer for the user. `message` says what was wrong, with the values at fault. */
export class ApiError extends Error {
  readonly code: ApiErrorCode;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ApiErrorCode, message: string, retryAfterSeconds?: number) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  get status(): number {
    return API_ERRORS[this.code].status;
  }

  /** What to do. */
  get hint(): string {
    return API_ERRORS[this.code].hint;
  }

  toJSON(): object {
    return { error: { code: this.code, message: this.message, hint: this.hint } };
  }
}

/** A component does not work: `message` has what was found and what to do. Shown without a stack trace. */
export class ComponentError extends Error {}

/** The archive, or a file of it, can't be read or written: `message` names it. */
export class ArchiveError extends ComponentError {
  override name = 'ArchiveError';
}

/** The metrics can't be read or written. */
export class MetricsError extends ComponentError {
  override name = 'MetricsError';
}

/** A mistake of the user on the command line or in the config: shown without a stack trace. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}
