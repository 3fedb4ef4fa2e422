import type { Archive } from '../archive/archive.ts';
import { sleep } from '../system/sleep.ts';
import type { ComponentStatus } from '../telemetry/status.ts';
import { messageOf } from '../telemetry/system-error.ts';

/** Not more often: on S3 each look costs a little money. */
const EVERY_MS = 30_000;

/** Looks after an archive on a server now and then, so that an outage is told before there are lines to archive. */
export class ArchiveWatch {
  readonly #abort = new AbortController();
  readonly #running: Promise<void>;
  #failure = '';

  constructor(archive: Archive) {
    this.#running = this.#run(archive);
  }

  /** What the reader of the log says, or what was found wrong while it had nothing to do. */
  status(reader: ComponentStatus): ComponentStatus {
    return reader.state === 'ready' && this.#failure ? { state: 'waiting', message: this.#failure } : reader;
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  async #run(archive: Archive): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      await sleep(EVERY_MS, signal);
      if (signal.aborted) return;
      this.#failure = await archive.check().then(
        () => '',
        (error) => messageOf(error),
      );
    }
  }
}
