import type { ArchiveAnswer } from '../metrics/doubt-reader.ts';
import { now } from '../system/clock.ts';
import type { Ledger } from '../telemetry/ledger.ts';
import { counted } from '../telemetry/words.ts';
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

/** Orders of each kind that are asked about. */
const ORDERS_MAX = 20_000;
const NOTHING_ARCHIVED: ArchiveAnswer = { doubts: [], refunded: [] };

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
  const sinceMs = now();
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
        `All that was read is stored in the event log (${counted(received, 'record')}: ${counted(events, 'event')}, ${counted(badRows, 'bad row')}), and is counted when this is corrected: ${error.message}`,
      );
    });
  if (work.signal?.aborted)
    throw new LoadCancelledError(
      `It was cancelled when all that was read was stored (${counted(received, 'record')}: ${counted(events, 'event')}, ${counted(badRows, 'bad row')}). It is archived and counted like anything else.`,
    );
  await addArchivedDoubts(target, sent, sinceMs);
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

/** Adds what only shows beside what the archive had before the load. */
async function addArchivedDoubts(target: LoadTarget, sent: Sent, sinceMs: number): Promise<void> {
  const { events } = totals(sent);
  const withdrawn = [...sent.withdrawn].slice(0, ORDERS_MAX);
  const givenBack = sent.withdrawals.flatMap((each) => each.givenBack).slice(0, ORDERS_MAX);
  const { source } = target;
  const { doubts, refunded } =
    events === 0 && withdrawn.length === 0
      ? NOTHING_ARCHIVED
      : await target
          .doubts({ source, sinceMs, withdrawn, givenBack, isOfSeveral: sent.inputs.length > 1 })
          .catch((error: Error) => {
            throw new LoadError(
              `All records are stored and counted, but could not be compared with what was loaded before: ${error.message}`,
            );
          });
  for (const each of sent.withdrawals) each.report(sent.tally, new Set(refunded));
  for (const { code, rows, example } of doubts) {
    // Of cancelled orders these are others than those that the load itself has seen sold.
    if (code === 'order_cancelled') sent.tally.add(code, example, '', '', rows);
    else sent.tally.addAtLeast(code, example, rows);
  }
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
