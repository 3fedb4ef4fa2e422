import type { Ledger } from '../telemetry/ledger.ts';
import type { LoadInput } from './inputs.ts';
import { LoadError } from './load-error.ts';
import { LoadRegistry } from './registry.ts';
import type { LoadResult } from './result.ts';
import { LoadCancelledError, type SendOptions, type Sent, sendInputs } from './send.ts';
import { createValidator, type ValidatorSettings } from './settings.ts';
import type { LoadTarget } from './target.ts';

/** What is loaded, and how. */
export interface LoadWork
  extends Pick<SendOptions, 'again' | 'againHint' | 'resumeHint' | 'onProgress' | 'signal'> {
  inputs: readonly LoadInput[];
  settings: ValidatorSettings;
  dataDir: string;
  /** Called often while the load waits for what is stored to be counted; `received`: records of this load. */
  onWaiting?: ((received: number | null) => void) | undefined;
}

/** What was said about reading, as text: with other settings it is another load. */
export const settingsText = ({ normalize, mapper }: ValidatorSettings): string =>
  JSON.stringify([normalize, mapper?.id]);

/** Loads inputs, and waits until what they hold is counted. */
export async function loadInputs(target: LoadTarget, work: LoadWork): Promise<LoadResult> {
  const { inputs, settings, onWaiting = () => {}, dataDir, ...options } = work;
  const startedMs = performance.now();
  const registry = await LoadRegistry.open(dataDir);
  const ofSource = (ledger: Ledger) => ledger.by_source[target.source]?.metrics;
  // What an earlier load has left is counted before this one begins, or its duplicates would pass for those of this one.
  if (ofSource(await target.ledger())?.in_flight) await target.waitUntilIdle(() => onWaiting(null));
  const duplicatesIn = (ledger: Ledger) => ofSource(ledger)?.duplicate ?? 0;
  const before = duplicatesIn(await target.ledger());
  const sent = await sendInputs(inputs, target, {
    createValidator: () => createValidator(settings),
    mapper: settings.mapper,
    timeZone: settings.normalize.time_zone ?? 'UTC',
    currencies: settings.currencies,
    registry,
    settings: settingsText(settings),
    ...options,
  });
  const { received, events, badRows, leftOut } = totals(sent);
  const storesBehind = await target
    .waitUntilIdle(() => onWaiting(received))
    .catch((error: Error) => {
      throw new LoadError(
        `All ${received} records are stored in the event log (${events} events, ${badRows} bad rows), and are counted when this is corrected: ${error.message}`,
      );
    });
  if (work.signal?.aborted)
    throw new LoadCancelledError(
      `It was cancelled when all ${received} records were stored (${events} events, ${badRows} bad rows). They are archived and counted like any others.`,
    );
  const ledger = await target.ledger();
  return {
    sent,
    received,
    events,
    badRows,
    leftOut,
    map: settings.mapper?.name,
    // Somebody else's load at the same time may have more of them than this one has events.
    duplicates: Math.min(duplicatesIn(ledger) - before, events),
    storesBehind,
    seconds: Math.round(performance.now() - startedMs) / 1000,
    ledger,
  };
}

function totals({ inputs }: Sent): Record<'received' | 'events' | 'badRows' | 'leftOut', number> {
  const sum = (key: 'received' | 'events' | 'badRows' | 'leftOut') =>
    inputs.reduce((total, input) => total + input[key], 0);
  return {
    received: sum('received'),
    events: sum('events'),
    badRows: sum('badRows'),
    leftOut: sum('leftOut'),
  };
}
