import { closeSync, openSync, writeSync } from 'node:fs';
import { localDayStartOfMs } from '../../src/event/time-zone.ts';
import type { SimulatedLine } from './stream.ts';
import { count, sorted, TruthCell, type TruthWindow } from './truth-cell.ts';

export type { TruthWindow } from './truth-cell.ts';

export interface TruthOptions {
  /** The shop's time zone, for `1d_zone`; default UTC. */
  timeZone?: string;
  /** The shortest windows that are kept: '1h' saves memory for long streams, '1m' is the default. */
  finest?: '1m' | '1h';
}

export interface TruthSummary {
  format: 'tillstream-truth/1';
  timeZone: string;
  lines: number;
  /** lines = events + excluded + duplicates + bad */
  events: number;
  /** Events of bots. */
  excluded: number;
  duplicates: number;
  bad: number;
  badByReason: Record<string, number>;
  /** Events that came this long after they happened. */
  late: { '1m-1h': number; '1h-1d': number; '1d-30d': number; '30d+': number };
  firstReceivedAtMs: number | null;
  lastReceivedAtMs: number | null;
}

export type TruthWindowSize = '1m' | '1h' | '1d' | '1d_zone';

/** 1d: days in UTC; 1d_zone: days in `timeZone`. */
export type TruthReport = TruthSummary & { windows: Record<TruthWindowSize, TruthWindow[]> };

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/**
 * What a perfect pipeline would find in the lines that were given to `add`: counted from the simulator's own records,
 * not from the lines, in whole numbers. The lines of rates.late are late by the simulator's time of receipt; a file
 * that is loaded at another time has other late counts, but the same windows.
 */
export class Truth {
  private readonly cells = new Map<number, TruthCell>();
  private readonly reasons = new Map<string, number>();
  private readonly timeZone: string;
  private readonly finestMs: number;
  private readonly summaryValues: Omit<TruthSummary, 'badByReason'>;
  private lastStartMs = Number.NaN;
  private lastCell = new TruthCell();

  constructor(options: TruthOptions = {}) {
    this.timeZone = options.timeZone ?? 'UTC';
    this.finestMs = options.finest === '1h' ? HOUR_MS : MINUTE_MS;
    this.summaryValues = {
      format: 'tillstream-truth/1',
      timeZone: this.timeZone,
      lines: 0,
      events: 0,
      excluded: 0,
      duplicates: 0,
      bad: 0,
      late: { '1m-1h': 0, '1h-1d': 0, '1d-30d': 0, '30d+': 0 },
      firstReceivedAtMs: null,
      lastReceivedAtMs: null,
    };
  }

  add(line: SimulatedLine): void {
    const values = this.summaryValues;
    values.lines++;
    values.firstReceivedAtMs ??= line.receivedAtMs;
    values.lastReceivedAtMs = line.receivedAtMs;
    if (line.kind === 'duplicate') {
      values.duplicates++;
      return;
    }
    if (line.event === null) {
      values.bad++;
      count(this.reasons, line.reason as string, 1);
      return;
    }
    if (line.event.isBot) {
      values.excluded++;
      return;
    }
    values.events++;
    const { timeMs } = line.event;
    const lagMs = line.receivedAtMs - timeMs;
    if (lagMs >= MINUTE_MS) {
      values.late[
        lagMs < HOUR_MS ? '1m-1h' : lagMs < DAY_MS ? '1h-1d' : lagMs < 30 * DAY_MS ? '1d-30d' : '30d+'
      ]++;
    }
    const startMs = timeMs - (timeMs % this.finestMs);
    // Most lines are of the same minute as the line before.
    if (startMs !== this.lastStartMs) {
      this.lastStartMs = startMs;
      const cell = this.cells.get(startMs) ?? new TruthCell();
      this.cells.set(startMs, cell);
      this.lastCell = cell;
    }
    this.lastCell.add(line.event);
  }

  summary(): TruthSummary {
    return {
      ...this.summaryValues,
      late: { ...this.summaryValues.late },
      badByReason: Object.fromEntries(sorted(this.reasons)),
    };
  }

  /** All windows of one size, by start. */
  windows(size: TruthWindowSize): TruthWindow[] {
    return this.folded(size).map(([startMs, cell]) => cell.toJson(startMs));
  }

  toJson(): TruthReport {
    const windows = {
      '1m': this.finestMs === MINUTE_MS ? this.windows('1m') : [],
      '1h': this.windows('1h'),
      '1d': this.windows('1d'),
      '1d_zone': this.windows('1d_zone'),
    };
    return { ...this.summary(), windows };
  }

  /** Writes toJson() as a file, piece by piece, because a long stream's truth is longer than a string may be. */
  writeFile(path: string): void {
    const file = openSync(path, 'w');
    try {
      writeSync(file, `${JSON.stringify(this.summary()).slice(0, -1)},"windows":{`);
      const sizes: TruthWindowSize[] = ['1m', '1h', '1d', '1d_zone'];
      for (const [i, size] of sizes.entries()) {
        writeSync(file, `${i === 0 ? '' : ','}\n"${size}":[`);
        const cells = size === '1m' && this.finestMs !== MINUTE_MS ? [] : this.folded(size);
        cells.forEach(([startMs, cell], j) => {
          writeSync(file, `${j === 0 ? '' : ','}\n${JSON.stringify(cell.toJson(startMs))}`);
        });
        writeSync(file, ']');
      }
      writeSync(file, '}}\n');
    } finally {
      closeSync(file);
    }
  }

  private folded(size: TruthWindowSize): [number, TruthCell][] {
    const startOf = this.startOf(size);
    const folded = new Map<number, TruthCell>();
    for (const [startMs, cell] of this.cells) {
      const into = folded.get(startOf(startMs));
      if (into === undefined) folded.set(startOf(startMs), size === '1m' ? cell : copyOf(cell));
      else into.merge(cell);
    }
    return [...folded].sort(([a], [b]) => a - b);
  }

  private startOf(size: TruthWindowSize): (ms: number) => number {
    if (size === '1m') return (ms) => ms;
    if (size === '1h') return (ms) => ms - (ms % HOUR_MS);
    if (size === '1d' || this.timeZone === 'UTC') return (ms) => ms - (ms % DAY_MS);
    // Asked once per quarter of an hour: local days start on one, in every zone of today.
    const known = new Map<number, number>();
    return (ms) => {
      const quarter = ms - (ms % (15 * MINUTE_MS));
      let startMs = known.get(quarter);
      if (startMs === undefined) {
        startMs = localDayStartOfMs(this.timeZone, quarter);
        known.set(quarter, startMs);
      }
      return startMs;
    };
  }
}

function copyOf(cell: TruthCell): TruthCell {
  const copy = new TruthCell();
  copy.merge(cell);
  return copy;
}
