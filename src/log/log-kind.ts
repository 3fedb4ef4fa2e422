import type { z } from 'zod';
import type { Logger } from '../telemetry/logger.ts';
import type { EventLog } from './event-log.ts';
import type { PartitionGroup } from './partition-group.ts';

export interface LogContext {
  /** Folder of this process; what a log keeps there is in a folder of its own. */
  dataDir: string;
  /** Who reads it in this process: a log that deletes by itself keeps what they still need. */
  readers: readonly string[];
  now: () => number;
  logger: Logger;
  /** Name and version of this program. */
  program: string;
}

/** A kind of event log that the config can name. */
export interface LogKind<S extends z.ZodObject = z.ZodObject> {
  readonly schema: S;
  /** Whether it is on servers: several processes can share it. */
  readonly isRemote: boolean;
  open(config: z.infer<S>, context: LogContext): Promise<EventLog>;
  /** Tries whether it can be opened; changes nothing. Gives a sentence for people, or throws UsageError. */
  check?(config: z.infer<S>, logger: Logger): Promise<string>;
  /** Shares the partitions with the other processes of the group. */
  joinGroup?(config: z.infer<S>, group: string, logger: Logger): Promise<PartitionGroup>;
  /** Free space on this disk that it leaves. */
  diskReserveBytes?(config: z.infer<S>): number;
  /** Addresses of what it writes to: a source that reads one of them would read for ever. */
  addresses?(config: z.infer<S>): readonly string[];
}
