import type { Archive } from '../archive/archive.ts';
import { sleep } from '../system/sleep.ts';
import type { Logger } from '../telemetry/logger.ts';
import { messageOf } from '../telemetry/system-error.ts';
import { counted } from '../telemetry/words.ts';

const EVERY_MS = 10_000;

/** Sees to it that the archive says of each row whether it counts: also of those of an older version, or of another program. */
export class ArchiveUpgrade {
  readonly #archive: Archive;
  readonly #logger: Logger;
  readonly #isMine: () => boolean;
  #failure = '';

  /** `isMine`: whether it is this process that does it. */
  constructor(archive: Archive, logger: Logger, isMine: () => boolean) {
    this.#archive = archive;
    this.#logger = logger;
    this.#isMine = isMine;
  }

  /** What the status says while something is left to do; else empty. */
  message(): string {
    const files = this.#archive.undecidedFiles();
    if (files === 0) return '';
    const failure = this.#failure && ` The last try failed: ${this.#failure}`;
    return `The archive is being upgraded: ${counted(files, 'file')} of an older version ${files === 1 ? 'is' : 'are'} left. The metrics are filled after that.${failure}`;
  }

  /** Upgrades what needs it, now and whenever something does, until `signal`; new rows are appended meanwhile. */
  async run(signal: AbortSignal): Promise<void> {
    for (; !signal.aborted; await sleep(EVERY_MS, signal)) {
      const files = this.#archive.undecidedFiles();
      if (files === 0 || !this.#isMine()) continue;
      try {
        this.#logger.info({ files }, 'archive: upgrading files of an older version');
        await this.#archive.upgrade(signal);
        this.#logger.info({ left: this.#archive.undecidedFiles() }, 'archive: upgraded');
        this.#failure = '';
      } catch (error) {
        if (signal.aborted) return;
        this.#failure = messageOf(error);
        this.#logger.error({ err: error }, 'archive: the upgrade failed, will try again');
      }
    }
  }
}
