import type { HISTORY_SOURCES } from '../event/history.ts';
import type { LoadInput } from '../load/inputs.ts';
import { figuresOf, isWithoutEvents, type LoadResult } from '../load/result.ts';
import { loadInputs } from '../load/run.ts';
import { type InputResult, LoadCancelledError } from '../load/send.ts';
import type { ValidatorSettings } from '../load/settings.ts';
import { localTarget, type OpenData } from '../load/target.ts';
import { messageOf } from '../telemetry/system-error.ts';

/** Name of imported lines in the ledger: apart from those of `load`, so that the duplicates of one are not counted for the other. */
export const IMPORT_SOURCE: (typeof HISTORY_SOURCES)[number] = 'page-import';

/** How far a load is; all figures are of this load alone. */
export interface JobProgress {
  /** Bytes of the file that were read; null where it is not read in order. */
  readonly bytes_read: number | null;
  readonly received: number;
  readonly events: number;
  readonly bad_rows: number;
  readonly left_out: number;
  readonly stored_before: number;
}

export interface JobView {
  /** counting: all is stored, and is being archived and measured. */
  readonly state: 'uploading' | 'ready' | 'loading' | 'counting' | 'done' | 'failed' | 'cancelled';
  readonly progress: JobProgress | null;
  /** As `load --json` has it. */
  readonly result: Record<string, unknown> | null;
  readonly error: { readonly message: string } | null;
}

/** A file that is being loaded. */
export interface ImportJob {
  view(): JobView;
  isRunning(): boolean;
  cancel(): void;
  /** Resolves when it has ended, however. */
  readonly ended: Promise<void>;
}

export interface JobOptions {
  readonly input: LoadInput;
  readonly settings: ValidatorSettings;
  readonly again: boolean;
  readonly dataDir: string;
  readonly data: OpenData;
}

const RUNNING: readonly JobView['state'][] = ['loading', 'counting'];

/** Begins to load a file in the background. */
export function startJob({ input, data, ...work }: JobOptions): ImportJob {
  const stop = new AbortController();
  let view: JobView = { state: 'loading', progress: progressOf(null), result: null, error: null };
  const target = localTarget(data, IMPORT_SOURCE, stop.signal);
  const ended = loadInputs(target, {
    inputs: [input],
    ...work,
    againHint: 'import it anyway',
    resumeHint: 'Importing the same file again',
    signal: stop.signal,
    onProgress(result) {
      view = { ...view, progress: progressOf(result) };
    },
    onWaiting(received) {
      if (received !== null) view = { ...view, state: 'counting' };
    },
  }).then(
    (result) => {
      view = {
        state: 'done',
        progress: progressOf(result.sent.inputs[0] ?? null),
        result: jsonOf(result),
        error: null,
      };
    },
    (error: unknown) => {
      const state = error instanceof LoadCancelledError ? 'cancelled' : 'failed';
      view = { ...view, state, error: { message: messageOf(error) } };
    },
  );
  return {
    view: () => view,
    isRunning: () => RUNNING.includes(view.state),
    cancel: () => stop.abort(),
    ended,
  };
}

function progressOf(result: InputResult | null): JobProgress {
  return {
    bytes_read: result === null ? 0 : result.bytesRead,
    received: result?.received ?? 0,
    events: result?.events ?? 0,
    bad_rows: result?.badRows ?? 0,
    left_out: result?.leftOut ?? 0,
    stored_before: result?.storedBefore ?? 0,
  };
}

function jsonOf(result: LoadResult): Record<string, unknown> {
  return {
    ...figuresOf(result),
    events: result.events,
    bad_rows: result.badRows,
    stores_behind: result.storesBehind,
    seconds: result.seconds,
    balanced: result.ledger.balanced,
    is_without_events: isWithoutEvents(result),
  };
}
