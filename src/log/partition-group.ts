/**
 * Processes that share the partitions of the log among them: each partition belongs to one member, as far as the members
 * know. A member that was cut off may not have heard yet that it has lost one; who acts on a partition needs a fence
 * besides.
 */
export interface PartitionGroup {
  /** The partitions of this process; none while it is joining. */
  partitions(): readonly number[];
  /** For people: what is wrong; empty while all is well. */
  message(): string;
  /** Calls `listener` after the partitions have changed. */
  onChange(listener: () => void): void;
  /** Hands the partitions over to the others. */
  close(): Promise<void>;
}
