import { ArchiveError, type ComponentError, MetricsError } from '../telemetry/errors.ts';
import type { ComponentStatus } from '../telemetry/status.ts';

/** The error for somebody who waits for a component that fails. */
export function componentError(component: string, message: string): ComponentError {
  const text = `The ${component} is not up to date, because it fails: ${message}. It will be retried; see "tillstream status".`;
  return component === 'archive' ? new ArchiveError(text) : new MetricsError(text);
}

/** The status of a loop, or what is wrong beside it. */
export function worse({ state, message }: ComponentStatus, failure: string): ComponentStatus {
  return failure && state === 'ready' ? { state: 'waiting', message: failure } : { state, message };
}

/** A function that throws when a component has failed all the time for too long, so that nobody waits for ever. */
export function failureCheck(
  status: () => Record<string, ComponentStatus>,
  failingMsMax: number,
): () => void {
  const sinceMs = new Map<string, number>();
  return () => {
    for (const [name, { state, message }] of Object.entries(status())) {
      if (state === 'failed') throw componentError(name, message);
      if (state !== 'waiting') sinceMs.delete(name);
      else if (!sinceMs.has(name)) sinceMs.set(name, Date.now());
      else if (Date.now() - sinceMs.get(name)! > failingMsMax) throw componentError(name, message);
    }
  };
}
