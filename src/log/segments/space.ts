import type { LogFiles } from './files.ts';

const CHECK_EVERY_BYTES = 64 * 1024 * 1024;
const CHECK_EVERY_MS = 1_000;

/** Watches the free space of the disk, asking for it only now and then. */
export class DiskReserve {
  private readonly files: LogFiles;
  private readonly dir: string;
  private readonly reserveBytes: number;
  private freeBytes = 0;
  private takenBytes = 0;
  private checkedAtMs = Number.NEGATIVE_INFINITY;

  constructor(files: LogFiles, dir: string, reserveBytes: number) {
    this.files = files;
    this.dir = dir;
    this.reserveBytes = reserveBytes;
  }

  /** Whether `bytes` more fit without touching the reserve. Counts them as taken if so. */
  async take(bytes: number): Promise<boolean> {
    if (this.reserveBytes === 0) return true;
    const elapsedMs = performance.now() - this.checkedAtMs;
    if (elapsedMs >= CHECK_EVERY_MS || this.takenBytes >= CHECK_EVERY_BYTES || !this.fits(bytes)) {
      if (!(await this.hasRoom())) return false;
    }
    if (!this.fits(bytes)) return false;
    this.takenBytes += bytes;
    return true;
  }

  /** Asks the disk now: is there any space above the reserve? */
  async hasRoom(): Promise<boolean> {
    try {
      this.freeBytes = await this.files.freeBytes(this.dir);
    } catch {
      // Not knowing is no reason to refuse lines: a disk that is full says so when it is written to.
      this.freeBytes = Number.MAX_SAFE_INTEGER;
    }
    this.takenBytes = 0;
    this.checkedAtMs = performance.now();
    return this.freeBytes > this.reserveBytes;
  }

  private fits(bytes: number): boolean {
    return this.freeBytes - this.takenBytes - bytes >= this.reserveBytes;
  }
}
