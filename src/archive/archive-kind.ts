import type { z } from 'zod';
import type { Logger } from '../telemetry/logger.ts';
import type { Archive, ArchiveAddress } from './archive.ts';
import type { ParquetWriter } from './parquet-tool.ts';

export interface ArchiveOptions {
  parquet: ParquetWriter;
  /** Identity of the log whose positions the tables hold. */
  logId: string;
  now: () => number;
  logger?: Logger;
}

/** Where the config puts the archive. */
export interface ArchiveLocation {
  /** The local folder that its Parquet files are read from and written to. */
  dir: string;
  open(options: ArchiveOptions): Promise<Archive>;
}

/** A kind of archive that the config can name. */
export interface ArchiveKind<S extends z.ZodObject = z.ZodObject> {
  readonly schema: S;
  /** Whether a server keeps it: other processes reach it too, and it may be away. */
  readonly isRemote: boolean;
  /** Whether its tables are in the data folder, which others of the group must get through then. */
  opensDataDir?(config: z.infer<S>): boolean;
  /** Where a computing cluster finds it. Null where that takes settings that the config does not have. */
  address(config: z.infer<S>, dataDir: string): ArchiveAddress | null;
  /** Where the config puts it, with its local folder made. */
  locate(config: z.infer<S>, dataDir: string): Promise<ArchiveLocation>;
  /** Tries whether its server takes what normal work does; leaves nothing there. Gives a sentence for people, or throws UsageError. */
  check?(config: z.infer<S>): Promise<string>;
}
