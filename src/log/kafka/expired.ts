import type { ArchivedLines } from '../event-log.ts';
import { addCount, type CountsBySource, countOf, type Offset, type Positions } from '../offset.ts';
import { UNNAMED } from './origin.ts';

/** As it is stored. */
export interface StoredExpired {
  archived: CountsBySource;
  unread: Record<string, { from: Offset; to: Offset }>;
}

/** What the topic had before the counters begin, where they were made again after its first records had expired. */
export class Expired {
  /** Where the counters of partitions begin whose first records have expired, as long as nothing is taken over. */
  private readonly begins: Map<number, Offset>;
  private stored: StoredExpired;

  constructor(stored: StoredExpired | undefined, begins: Map<number, Offset>) {
    this.stored = stored ?? { archived: {}, unread: {} };
    this.begins = begins;
  }

  /** Lines by source that are archived; where an archive has less than the counters, nothing. */
  get archived(): CountsBySource {
    return this.stored.archived;
  }

  /**
   * Takes over what is archived; `receivedBefore` counts by the counters. Gives the number of offsets that expired before they were archived.
   * With an empty archive nothing was missed.
   */
  async adopt(
    { positions, lines }: ArchivedLines,
    receivedBefore: (positions: Positions) => Promise<CountsBySource>,
  ): Promise<number> {
    // With an empty archive the log begins where its records do.
    if (Object.keys(positions).length === 0) this.begins.clear();
    if (this.begins.size === 0) return 0;
    const counted = await receivedBefore(positions);
    const archived: CountsBySource = {};
    for (const [source, n] of Object.entries(lines)) {
      const more = n - countOf(counted, source);
      if (more > 0) archived[source] = more;
    }
    const unread: StoredExpired['unread'] = {};
    for (const [partition, to] of this.begins) {
      const from = positions[partition] ?? 0;
      if (from < to) unread[partition] = { from, to };
    }
    this.stored = { archived, unread };
    this.begins.clear();
    return this.unreadLines();
  }

  /** Offsets that nobody has read, before the position; all of them without one. */
  unreadBefore(partition: number, offset = Number.POSITIVE_INFINITY): number {
    const range = this.stored.unread[partition];
    return range ? Math.max(0, Math.min(offset, range.to) - range.from) : 0;
  }

  unreadLines(): number {
    return Object.keys(this.stored.unread).reduce((sum, id) => sum + this.unreadBefore(Number(id)), 0);
  }

  addUnread(counts: CountsBySource, partition: number, offset?: Offset): void {
    const lines = this.unreadBefore(partition, offset);
    if (lines > 0) addCount(counts, UNNAMED, lines);
  }

  /** `begins` is there as long as there is something to take over: the next start may do it. */
  toStored(): { begins?: Record<string, Offset>; expired?: StoredExpired } {
    return this.begins.size > 0 ? { begins: Object.fromEntries(this.begins) } : { expired: this.stored };
  }
}
