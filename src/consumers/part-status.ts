import { ArchiveError, MetricsError, type PartError } from '../telemetry/errors.ts';
import type { PartStatus } from '../telemetry/status.ts';

/** The error for somebody who waits for a part that fails. */
export function partError(part: string, message: string): PartError {
  const text = `The ${part} is not up to date, as it fails: ${message}. It is tried again and again; see "tillstream status".`;
  return part === 'archive' ? new ArchiveError(text) : new MetricsError(text);
}

/** The status of a loop, or what is wrong beside it. */
export function worse({ state, message }: PartStatus, failure: string): PartStatus {
  return failure && state === 'ready' ? { state: 'waiting', message: failure } : { state, message };
}
