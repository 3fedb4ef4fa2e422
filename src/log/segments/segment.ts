import type { CountsBySource, Offset } from '../offset.ts';

const INDEX_STEP_BYTES = 1024 * 1024;

/** A segment file and what is known of it. Its last offset is where the next segment starts. */
export interface Segment {
  first: Offset;
  path: string;
  /** Size up to which it is durable and may be read. */
  bytes: number;
  /** When its last line was received; undefined when not looked up yet. */
  lastReceivedAtMs: number | null | undefined;
  index: SparseIndex;
}

/** What the log knows about itself. Only what is durable is in here. */
export interface DurableState {
  /** In offset order; the last one is appended to, if `activeFd` is open. */
  segments: Segment[];
  activeFd: number | null;
  end: Offset;
  received: CountsBySource;
  lastReceivedAtMs: number | null;
}

/** Where some batches of a segment start: about one entry per MiB, so it stays small however many batches there are. */
export class SparseIndex {
  private readonly offsets: Offset[] = [];
  private readonly positions: number[] = [];

  /** Notes that the batch of `offset` starts at `position`. What is close to or before the last entry is left out. */
  add(offset: Offset, position: number): void {
    const last = this.positions.at(-1);
    if (last !== undefined && position < last + INDEX_STEP_BYTES) return;
    this.offsets.push(offset);
    this.positions.push(position);
  }

  /** The last known batch that starts at or before `offset`. */
  find(offset: Offset): { offset: Offset; position: number } | null {
    let low = 0;
    let high = this.offsets.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.offsets[middle]! <= offset) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? null : { offset: this.offsets[low - 1]!, position: this.positions[low - 1]! };
  }
}

/** Index in `segments` of the one that holds `offset`: the last that starts at or before it, at least the first. */
export function segmentOf(segments: readonly Segment[], offset: Offset): number {
  let low = 0;
  let high = segments.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (segments[middle]!.first <= offset) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}
