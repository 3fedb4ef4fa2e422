import { BAD_MARK, BAD_MARK_FIELD, BAD_MARK_RAW } from '../event/fields.ts';
import { shortText } from './rejected-example.ts';
import type { ValidationResult } from './validation-result.ts';

/** Events and rejected records that are remembered of each source. */
export const LATEST_MAX = 5;
/** Lines of an input that are looked at for them, from its end. */
const LINES_LOOKED_AT_MAX = 50;
/** Characters of an event that are kept. */
const EVENT_LENGTH_MAX = 2000;
/** Seconds over which the rate is counted. */
const RATE_SECONDS = 60;
const NEWLINE = 0x0a;
const MARKED = Buffer.from(`{"${BAD_MARK}"`);

/** An event that was stored. */
export interface LatestEvent {
  readonly received_at: string;
  /** The event as JSON; cut where it is long. */
  readonly event: string;
}

/** A record that is not an event. */
export interface LatestRejected {
  readonly received_at: string;
  readonly reason: string;
  readonly field: string | null;
  /** The value at fault, or the beginning of the record. */
  readonly example: string;
}

/** What came by one address, or by all of a source, since the start. */
export interface ActivityCounts {
  accepted: number;
  rejected: number;
  /** Records that a mapping left out by its rule. */
  left_out: number;
  /** Records of requests of which nothing was stored, as nothing of them was an event. */
  refused: number;
  last_received_at: string | null;
}

/** What came from a source since the start. */
export interface Activity extends ActivityCounts {
  /** Lines of the last 60 seconds. */
  readonly last_minute: number;
  /** Rejected and refused records by reason. */
  readonly reasons: Readonly<Record<string, number>>;
  /** Newest first. */
  readonly latest_events: readonly LatestEvent[];
  readonly latest_rejected: readonly LatestRejected[];
  /** By the way it came: an address, or a protocol. */
  readonly ways: Readonly<Record<string, ActivityCounts>>;
}

interface State {
  readonly total: ActivityCounts;
  readonly ways: Map<string, ActivityCounts>;
  readonly reasons: Record<string, number>;
  events: LatestEvent[];
  rejected: LatestRejected[];
  /** Lines by second, and which second each number is of. */
  readonly lines: number[];
  readonly seconds: number[];
}

/** Remembers what each source brought last: a few events, and counters. Small however much comes. */
export class SourceActivity {
  readonly #now: () => number;
  readonly #sources = new Map<string, State>();
  #lastStoredMs: number | null = null;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Takes an input that was stored. `way`: the address or protocol by which it came, where there are several. */
  stored(source: string, result: ValidationResult, leftOut = 0, way?: string): void {
    const { state, nowMs, at } = this.#begin(source);
    this.#lastStoredMs = nowMs;
    for (const counts of countsOf(state, way)) {
      counts.accepted += result.accepted;
      counts.rejected += result.rejected;
      counts.left_out += leftOut;
      counts.last_received_at = at;
    }
    const second = Math.floor(nowMs / 1000);
    const slot = second % RATE_SECONDS;
    if (state.seconds[slot] !== second) {
      state.seconds[slot] = second;
      state.lines[slot] = 0;
    }
    state.lines[slot]! += result.accepted + result.rejected;
    const { events, rejected } = lastLines(result.bytes, at);
    state.events = [...events, ...state.events].slice(0, LATEST_MAX);
    this.#reject(state, result, rejected, at);
  }

  /** Takes an input of which nothing was stored, as nothing of it was an event. */
  refused(source: string, result: ValidationResult, way?: string): void {
    const { state, at } = this.#begin(source);
    for (const counts of countsOf(state, way)) counts.refused += result.rejected;
    this.#reject(state, result, [], at);
  }

  /** When an input was last stored; null where none was since the start. */
  lastStoredMs(): number | null {
    return this.#lastStoredMs;
  }

  /** What came from a source since the start; undefined where nothing did. */
  of(source: string): Activity | undefined {
    const state = this.#sources.get(source);
    if (state === undefined) return undefined;
    const second = Math.floor(this.#now() / 1000);
    const last_minute = state.lines.reduce(
      (sum, lines, slot) => sum + (second - state.seconds[slot]! < RATE_SECONDS ? lines : 0),
      0,
    );
    return {
      ...state.total,
      last_minute,
      reasons: { ...state.reasons },
      latest_events: state.events,
      latest_rejected: state.rejected,
      ways: Object.fromEntries(state.ways),
    };
  }

  #begin(source: string): { state: State; nowMs: number; at: string } {
    const nowMs = this.#now();
    let state = this.#sources.get(source);
    if (state === undefined) {
      state = {
        total: noCounts(),
        ways: new Map(),
        reasons: {},
        events: [],
        rejected: [],
        lines: new Array<number>(RATE_SECONDS).fill(0),
        seconds: new Array<number>(RATE_SECONDS).fill(Number.NEGATIVE_INFINITY),
      };
      this.#sources.set(source, state);
    }
    return { state, nowMs, at: new Date(nowMs).toISOString() };
  }

  #reject(state: State, result: ValidationResult, marked: readonly LatestRejected[], at: string): void {
    for (const [reason, records] of Object.entries(result.reasons))
      state.reasons[reason] = (state.reasons[reason] ?? 0) + records;
    const listed = result.errors
      .slice(-LATEST_MAX)
      .reverse()
      .map(({ code, field, example = '' }) => ({
        received_at: at,
        reason: code,
        field: field ?? null,
        example,
      }));
    // Lines that another process of ours has validated are marked, and not listed.
    const rejected = listed.length > 0 ? listed : marked;
    state.rejected = [...rejected, ...state.rejected].slice(0, LATEST_MAX);
  }
}

const noCounts = (): ActivityCounts => ({
  accepted: 0,
  rejected: 0,
  left_out: 0,
  refused: 0,
  last_received_at: null,
});

/** The counters of a source that an input belongs to. */
function countsOf({ total, ways }: State, way: string | undefined): ActivityCounts[] {
  if (way === undefined) return [total];
  let own = ways.get(way);
  if (own === undefined) {
    own = noCounts();
    ways.set(way, own);
  }
  return [total, own];
}

/** The last events and rejected records of stored lines, the last first. */
function lastLines(pieces: readonly Buffer[], at: string) {
  const events: LatestEvent[] = [];
  const rejected: LatestRejected[] = [];
  let looked = 0;
  for (let piece = pieces.length - 1; piece >= 0; piece--) {
    const bytes = pieces[piece]!;
    for (let end = bytes.length; end > 0 && events.length < LATEST_MAX && looked < LINES_LOOKED_AT_MAX; ) {
      const stop = bytes[end - 1] === NEWLINE ? end - 1 : end;
      const start = stop === 0 ? 0 : bytes.lastIndexOf(NEWLINE, stop - 1) + 1;
      if (stop > start) {
        looked++;
        const line = bytes.subarray(start, stop);
        if (!line.subarray(0, MARKED.length).equals(MARKED))
          events.push({ received_at: at, event: cut(line.toString('utf8', 0, 4 * EVENT_LENGTH_MAX)) });
        else if (rejected.length < LATEST_MAX) rejected.push(markedOf(line, at));
      }
      end = start;
    }
  }
  return { events, rejected };
}

function markedOf(line: Buffer, at: string): LatestRejected {
  const marked = JSON.parse(line.toString('utf8')) as Record<string, string | undefined>;
  return {
    received_at: at,
    reason: marked[BAD_MARK] ?? '',
    field: marked[BAD_MARK_FIELD] ?? null,
    example: shortText(marked[BAD_MARK_RAW] ?? ''),
  };
}

const cut = (text: string) => (text.length > EVENT_LENGTH_MAX ? `${text.slice(0, EVENT_LENGTH_MAX)}…` : text);
