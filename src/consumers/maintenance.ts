import type { ArchiveMaintenance } from '../archive/archive.ts';
import { sleep } from '../system/sleep.ts';
import type { Logger } from '../telemetry/logger.ts';

export interface HousekeepingOptions {
  archive: ArchiveMaintenance;
  logger: Logger;
  /** 0: never. */
  compactEveryMs: number;
  vacuumRetentionHours: number;
  /** Of several processes that archive, one does it. */
  isOurs(): boolean;
}

/** Merges small files of the archive, and deletes those that nothing needs any more, again and again until `signal`. */
export async function keepHouse(options: HousekeepingOptions, signal: AbortSignal): Promise<void> {
  const { archive, logger, compactEveryMs, vacuumRetentionHours, isOurs } = options;
  while (compactEveryMs > 0 && !signal.aborted) {
    await sleep(compactEveryMs, signal);
    if (signal.aborted) return;
    if (!isOurs()) continue;
    try {
      const compacted = await archive.compact();
      const vacuumed = await archive.vacuum(vacuumRetentionHours);
      if (compacted.filesBefore > 0)
        logger.info({ ...compacted, ...vacuumed }, 'archive: small files merged');
    } catch (error) {
      logger.warn({ err: error }, 'archive: housekeeping failed, will try again');
    }
  }
}
