import type { Archive } from '../archive/archive.ts';
import type { Positions } from '../log/offset.ts';
import type { PartitionGroup } from '../log/partition-group.ts';

/**
 * The part of an archive that this process writes: the partitions that the group has given it, each from the moment
 * on when it has seen how far the one before it came.
 */
export class SharedArchive {
  readonly #archive: Archive;
  readonly #group: PartitionGroup;
  #known: readonly number[] = [];
  #looking: Promise<void> | undefined;

  constructor(archive: Archive, group: PartitionGroup) {
    this.#archive = archive;
    this.#group = group;
    group.onChange(() => this.#takeOver());
    this.#takeOver();
  }

  positions(): Positions {
    return Object.fromEntries(
      this.#known
        .filter((partition) => this.has(partition))
        .map((partition) => [partition, this.#archive.position(partition)]),
    );
  }

  /** Whether the partition is this process's, and known. */
  has(partition: number): boolean {
    return this.#known.includes(partition) && this.#group.partitions().includes(partition);
  }

  /** Whether the care of all tables is this process's: one member's, so that they don't do it twice. */
  isFirst(): boolean {
    return this.#group.partitions().includes(0);
  }

  #takeOver(): void {
    const partitions = [...this.#group.partitions()];
    this.#looking = (this.#looking ?? Promise.resolve())
      .then(() => this.#archive.refresh())
      .then(() => {
        this.#known = partitions;
      })
      // The archive is away. What it is asked to append later fails too, until it is back.
      .catch(() => {
        setTimeout(() => this.#takeOver(), RETRY_MS).unref();
      });
  }
}

const RETRY_MS = 1000;
