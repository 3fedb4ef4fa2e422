import type { OffsetRange } from '../../decode/batch.ts';
import { DATE_COLUMN } from '../../event/columns.ts';
import { addCount, type CountsBySource, type Offset, type Positions } from '../../log/offset.ts';
import type { ArchiveFile, FileFilter } from '../../metrics/engine.ts';
import type { FileContent } from '../parquet-tool.ts';
import { type AddFile, DECIDED_TAG, ENDS_TAG, OFFSETS_TAG, SOURCES_TAG } from './actions.ts';

/** What is known of a live file. */
export interface LiveFile {
  add: AddFile;
  /** Null where the partition is none of a date; only other programs write such files. */
  date: string | null;
  rows: number;
  offsets: readonly [number, number];
  /** The same for each partition; null where that is not known. */
  partitions: Record<number, readonly [number, number]> | null;
  receivedMinMs: number;
  receivedMaxMs: number;
  sources: CountsBySource;
  /** Empty where nothing is to be waited for. */
  ends: Positions;
  /** Whether each row of a file of `events` says what was decided about it. */
  isDecided: boolean;
  /** Whether the numbers above are those of the file. Files of other programs must be opened for that. */
  isKnown: boolean;
}

interface Stats {
  numRecords?: number;
  minValues?: { log_offset?: number; received_at?: string };
  maxValues?: { log_offset?: number; received_at?: string };
}

/** What the action has about the file. Statistics and tags are optional: other programs leave them out, or write their own. */
export function liveFile(add: AddFile): LiveFile {
  const { numRecords, minValues, maxValues } = parsed<Stats>(add.stats);
  const sources = add.tags?.[SOURCES_TAG];
  const receivedMinMs = Date.parse(minValues?.received_at ?? '');
  const receivedMaxMs = roundedUpMs(maxValues?.received_at ?? '');
  const offsets = [minValues?.log_offset, maxValues?.log_offset];
  const date = add.partitionValues?.[DATE_COLUMN] ?? '';
  const isKnown =
    sources !== undefined && [numRecords, receivedMinMs, receivedMaxMs, ...offsets].every(Number.isFinite);
  return {
    add,
    date: /^\d{4}-\d\d-\d\d$/.test(date) ? date : null,
    rows: numRecords ?? 0,
    // What is not known may be anything.
    offsets: [offsets[0] ?? 0, offsets[1] ?? Number.MAX_SAFE_INTEGER],
    partitions: add.tags?.[OFFSETS_TAG] ? parsed(add.tags[OFFSETS_TAG]) : null,
    receivedMinMs: Number.isNaN(receivedMinMs) ? Number.NEGATIVE_INFINITY : receivedMinMs,
    receivedMaxMs: Number.isNaN(receivedMaxMs) ? Number.POSITIVE_INFINITY : receivedMaxMs,
    sources: isKnown ? parsed<CountsBySource>(sources) : {},
    ends: parsed<Positions>(add.tags?.[ENDS_TAG]),
    isDecided: add.tags?.[DECIDED_TAG] !== undefined,
    isKnown,
  };
}

/** The file with what it was found to hold. */
export function withContent(
  file: LiveFile,
  { rows, sources, offsets, undecided, min, max }: FileContent,
): LiveFile {
  const said = parsed<Stats>(file.add.stats);
  const minValues = { ...said.minValues, ...min };
  const stats = JSON.stringify({
    ...said,
    numRecords: rows,
    minValues,
    maxValues: { ...said.maxValues, ...max },
  });
  const tags = {
    ...file.add.tags,
    [SOURCES_TAG]: JSON.stringify(sources),
    [OFFSETS_TAG]: JSON.stringify(offsets),
    ...(undecided === 0 ? { [DECIDED_TAG]: 'true' } : {}),
  };
  // Checkpoints take it over, so that the file need not be opened at the next start.
  return { ...liveFile({ ...file.add, stats, tags }), rows, sources, isKnown: true };
}

/** Those that the filter lets pass. */
export function chooseFiles(
  files: readonly LiveFile[],
  { dates, receivedMs, ranges, paths }: FileFilter,
): ArchiveFile[] {
  return files.flatMap((file) => {
    const { date, receivedMinMs, receivedMaxMs } = file;
    const { path } = file.add;
    if (paths && !paths.has(path)) return [];
    if (dates && !(date !== null && dates.has(date))) return [];
    if (receivedMs && !receivedMs.some(([from, to]) => receivedMaxMs >= from && receivedMinMs <= to))
      return [];
    if (ranges && !ranges.some((range) => mayHold(file, range))) return [];
    return [{ path, rows: file.rows, receivedMs: [receivedMinMs, receivedMaxMs] }];
  });
}

function mayHold({ offsets, partitions }: LiveFile, { partition, start, end }: OffsetRange): boolean {
  const held = partitions ? partitions[partition] : offsets;
  return held !== undefined && start <= held[1] && end > held[0];
}

/** Whether the file holds rows past the positions of the archive. */
export function isAhead({ ends }: LiveFile, positions: ReadonlyMap<number, Offset>): boolean {
  return Object.entries(ends).some(([partition, end]) => end > (positions.get(Number(partition)) ?? 0));
}

/** Rows by source. */
export function countFiles(files: LiveFile[]): CountsBySource {
  const counts: CountsBySource = {};
  for (const file of files) {
    for (const [source, rows] of Object.entries(file.sources)) addCount(counts, source, rows);
  }
  return counts;
}

/** Empty where it is missing or not JSON. */
function parsed<T extends object>(text: string | null | undefined): T {
  try {
    return (JSON.parse(text ?? '{}') ?? {}) as T;
  } catch {
    // Statistics are optional: another program wrote these.
    return {} as T;
  }
}

/** Statistics may hold microseconds; rounding up keeps the largest value inside. Our own times are whole milliseconds. */
function roundedUpMs(instant: string): number {
  const micros = /\.\d{3}(\d+)/.exec(instant)?.[1] ?? '';
  return Date.parse(instant) + (/[1-9]/.test(micros) ? 1 : 0);
}
