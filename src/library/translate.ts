import { LinesRejectedError } from '../api/ingest-answer.ts';
import { DataDirInUseError } from '../app/app.ts';
import { AppendError } from '../log/event-log.ts';
import {
  ApiError,
  ArchiveError,
  ComponentError,
  hintElsewhere,
  MetricsError,
  UsageError,
} from '../telemetry/errors.ts';
import { ConfigError, InputError, RejectedError, TillstreamError, UnavailableError } from './errors.ts';

/** Runs `work`; what the program throws for people becomes one of the documented classes. Anything else is a mistake of ours, or of the system. */
export async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw published(error);
  }
}

function published(error: unknown): unknown {
  if (error instanceof TillstreamError) return error;
  if (error instanceof LinesRejectedError)
    return new RejectedError(error.code, error.message, error.hint, error.ingested);
  if (error instanceof ApiError) return ofApi(error);
  if (error instanceof AppendError)
    return ofApi(new ApiError(error.code, error.message, error.retryAfterSeconds));
  if (error instanceof DataDirInUseError) return new ConfigError('data_in_use', error.message);
  if (error instanceof UsageError) return new ConfigError('bad_config', error.message);
  if (error instanceof ArchiveError) return ofApi(new ApiError('archive_failed', error.message));
  if (error instanceof MetricsError) return ofApi(new ApiError('metrics_failed', error.message));
  if (error instanceof ComponentError) return new UnavailableError('failed', error.message);
  return error;
}

function ofApi(error: ApiError): TillstreamError {
  const { code, message, status, retryAfterSeconds } = error;
  const hint = hintElsewhere(error);
  if (status >= 500 || status === 429) return new UnavailableError(code, message, hint, retryAfterSeconds);
  return new InputError(code, message, hint);
}
