import { setImmediate as pause } from 'node:timers/promises';
import pLimit from 'p-limit';
import { EVENT_TYPES } from '../ingest/values/event-types.ts';
import type { OpenData } from '../load/target.ts';
import { AppendError } from '../log/event-log.ts';
import { now } from '../system/clock.ts';
import { ApiError, ComponentError, UsageError } from '../telemetry/errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import { messageOf } from '../telemetry/system-error.ts';
import type { Choice } from './choice.ts';
import { type ImportJob, type JobView, startJob } from './job.ts';
import {
  type ImportContext,
  mappingOf,
  openUpload,
  type Preview,
  preview,
  refuseUnreadable,
} from './preview.ts';
import { type Upload, Uploads, type UploadsOptions } from './uploads.ts';

/** A file that nobody asks for any more is removed: its tab was closed. */
const IDLE_MS = 5 * 60_000;
const LOOK_MS = 15_000;
/** What is looked at to see whether a file can be read at all. */
const LOOK_BYTES = 64 * 1024;

/** An import, for who asks. */
export interface ImportView extends JobView {
  readonly id: string;
  readonly name: string;
  readonly bytes: number;
  readonly received_bytes: number;
}

export interface ImportChoices {
  readonly mappings: readonly { name: string; description: string }[];
  readonly event_types: readonly string[];
}

interface ImportEntry {
  readonly upload: Upload;
  usedMs: number;
  job: ImportJob | null;
  hasBeenLookedAt: boolean;
  preview: AbortController;
}

export interface ImportsOptions extends ImportContext, UploadsOptions {
  /** The data folder of the running process. */
  readonly data: OpenData;
  /** Throws ApiError where this process takes no events. */
  readonly refuse: (is: 'upload' | 'load') => void;
  readonly logger: Logger;
}

/** Files that come by the page: uploaded, tried out, and loaded as `load` does it. */
export class Imports {
  readonly #options: ImportsOptions;
  readonly #uploads: Uploads;
  readonly #entries = new Map<string, ImportEntry>();
  readonly #timer: NodeJS.Timeout;
  #choices: Promise<ImportChoices> | null = null;
  /** Trying out is a lot of work: one at a time. */
  readonly #oneByOne = pLimit(1);

  private constructor(options: ImportsOptions, uploads: Uploads) {
    this.#options = options;
    this.#uploads = uploads;
    this.#timer = setInterval(() => void this.#removeIdle(), LOOK_MS);
    this.#timer.unref();
  }

  static async open(options: ImportsOptions): Promise<Imports> {
    return new Imports(options, await Uploads.open(options));
  }

  /** Announces a file. */
  async create(name: string, bytes: number): Promise<ImportView> {
    this.#options.refuse('upload');
    const upload = await this.#uploads.create(name, bytes);
    const entry: ImportEntry = {
      upload,
      usedMs: now(),
      job: null,
      hasBeenLookedAt: false,
      preview: new AbortController(),
    };
    this.#entries.set(upload.id, entry);
    return viewOf(entry);
  }

  /** Takes a piece of a file. What can't be read at all is refused as soon as that shows. */
  async write(id: string, offset: number, chunks: AsyncIterable<Buffer>): Promise<ImportView> {
    const entry = this.#entry(id);
    const { upload } = entry;
    await this.#uploads.write(upload, offset, chunks).catch(async (error) => {
      // What takes the last space must not stay; what else broke off goes on from where it was.
      if (error instanceof ApiError && error.code === 'disk_full') await this.#drop(entry);
      throw error;
    });
    entry.usedMs = now();
    const isEnough = upload.receivedBytes >= Math.min(LOOK_BYTES, upload.bytes);
    if (isEnough && !entry.hasBeenLookedAt) {
      entry.hasBeenLookedAt = true;
      await refuseUnreadable(upload, this.#options).catch(async (error) => {
        await this.#drop(entry);
        throw error;
      });
    }
    return viewOf(entry);
  }

  list(): ImportView[] {
    return [...this.#entries.values()].map(viewOf);
  }

  /** The choices of a form: mappings that have a name, and the event types that metrics use. */
  choices(): Promise<ImportChoices> {
    this.#choices ??= this.#makeChoices();
    return this.#choices;
  }

  async #makeChoices(): Promise<ImportChoices> {
    const { mappings } = this.#options;
    const named: { name: string; description: string }[] = [];
    for (const name of mappings.names()) {
      // Each is a file to read and check: requests come in between.
      await pause();
      named.push({ name, description: mappings.spec(name)?.description ?? '' });
    }
    return { mappings: named, event_types: EVENT_TYPES.map(({ name }) => name) };
  }

  get(id: string): ImportView {
    return viewOf(this.#entry(id));
  }

  /** What would come of a file; a newer request for the same file ends one that is at work. */
  async preview(id: string, choice: Choice, isGuess: boolean, gone: AbortSignal): Promise<Preview> {
    const entry = this.#whole(id);
    entry.preview.abort();
    entry.preview = new AbortController();
    const signal = AbortSignal.any([entry.preview.signal, gone]);
    const trying = this.#oneByOne(async () => {
      if (signal.aborted) throw new ApiError('import_busy', 'Another preview of this file was requested.');
      return preview(entry.upload, choice, isGuess, this.#options, signal);
    });
    return trying.catch((error) => {
      if (signal.aborted) throw new ApiError('import_busy', 'Another preview of this file was requested.');
      throw toApiError(error);
    });
  }

  /** Begins to load a file. One at a time: its figures are its own. */
  async start(id: string, choice: Choice, again: boolean): Promise<ImportView> {
    const entry = this.#whole(id);
    this.#options.refuse('load');
    const busy = [...this.#entries.values()].find(({ job }) => job?.isRunning());
    if (busy) throw new ApiError('import_busy', `${busy.upload.name} is being imported.`);
    const { upload } = entry;
    const { data, dataDir } = this.#options;
    let job: ImportJob;
    try {
      const chosen = await mappingOf(upload, choice, this.#options);
      const { input, settings } = await openUpload(upload, choice, chosen, this.#options);
      // Nothing else was begun meanwhile.
      if ([...this.#entries.values()].some((each) => each.job?.isRunning()))
        throw new ApiError('import_busy', 'Another file is being imported.');
      job = startJob({ input, settings, again, dataDir, data });
    } catch (error) {
      throw toApiError(error);
    }
    entry.job = job;
    void job.ended.then(async () => {
      entry.usedMs = now();
      const { state, error } = job.view();
      if (state === 'failed')
        this.#options.logger.warn({ file: upload.name }, `an import failed: ${error?.message}`);
      // One that failed can be started again.
      if (state === 'done') await this.#uploads.remove(upload.id);
    });
    return viewOf(entry);
  }

  /** Cancels what is running, and removes the file; gives what had become of it. */
  async remove(id: string): Promise<ImportView> {
    const entry = this.#entry(id);
    await this.#drop(entry);
    return viewOf(entry);
  }

  /** Ends all, and removes all files. A load that is cut short goes on when the same file comes again. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    for (const entry of [...this.#entries.values()]) await this.#drop(entry);
    await this.#oneByOne(async () => {});
    await this.#uploads.close();
  }

  async #drop(entry: ImportEntry): Promise<void> {
    entry.preview.abort();
    entry.job?.cancel();
    await entry.job?.ended;
    this.#entries.delete(entry.upload.id);
    await this.#uploads.remove(entry.upload.id);
  }

  async #removeIdle(): Promise<void> {
    for (const entry of [...this.#entries.values()]) {
      if (entry.job?.isRunning() || entry.upload.isWriting || now() - entry.usedMs < IDLE_MS) continue;
      await this.#drop(entry).catch((error) =>
        this.#options.logger.warn({ err: error }, 'an uploaded file could not be removed'),
      );
    }
  }

  #entry(id: string): ImportEntry {
    const entry = this.#entries.get(id);
    if (!entry)
      throw new ApiError('import_gone', 'This import was removed, or Tillstream was started again.');
    entry.usedMs = now();
    return entry;
  }

  #whole(id: string): ImportEntry {
    const entry = this.#entry(id);
    const { receivedBytes, bytes } = entry.upload;
    if (receivedBytes < bytes)
      throw new ApiError(
        'import_busy',
        `${receivedBytes} of ${bytes} bytes have been received: the upload is not complete.`,
      );
    if (entry.job?.isRunning()) throw new ApiError('import_busy', 'This file is being imported.');
    if (entry.job?.view().state === 'done') throw new ApiError('import_busy', 'This file has been imported.');
    return entry;
  }
}

function viewOf({ upload, job }: ImportEntry): ImportView {
  const { id, name, bytes, receivedBytes } = upload;
  const state = receivedBytes < bytes ? 'uploading' : 'ready';
  return {
    id,
    name,
    bytes,
    received_bytes: receivedBytes,
    ...(job?.view() ?? { state, progress: null, result: null, error: null }),
  };
}

/** A file that can't be read is not a fault of ours. */
function toApiError(error: unknown): unknown {
  if (error instanceof ApiError || error instanceof AppendError) return error;
  if (error instanceof UsageError || error instanceof ComponentError)
    return new ApiError('import_refused', error.message);
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') return new ApiError('disk_full', messageOf(error));
  return error;
}
