import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileDurable } from '../../system/write-durable.ts';
import { reasonOf } from '../../telemetry/system-error.ts';
import type { Expired, StoredExpired } from './expired.ts';
import type { PartitionStats, StoredStats } from './partition-stats.ts';

const FORMAT_VERSION = 1;
const offset = z.int().min(0);
const counts = z.record(z.string().regex(/^[a-z0-9_-]{1,32}$/), offset);
const fileSchema = z.object({
  format_version: z.literal(FORMAT_VERSION),
  log: z.string(),
  begins: z.record(z.string().regex(/^\d+$/), offset).optional(),
  expired: z
    .object({
      archived: counts,
      unread: z.record(z.string().regex(/^\d+$/), z.object({ from: offset, to: offset })),
    })
    .optional(),
  partitions: z.record(
    z.string().regex(/^\d+$/),
    z.object({
      end: offset,
      line_end: offset,
      last_ms: z.number(),
      lost_lines: offset,
      counts,
      marks: z.array(z.object({ offset, last_ms: z.number(), counts })),
      ahead: z.array(z.object({ from: offset, to: offset, limit_ms: z.number() })),
    }),
  ),
});

interface ReadStats {
  stats: Map<number, StoredStats> | null;
  why: string;
  expired?: StoredExpired | undefined;
  begins?: Map<number, number>;
}

/** The counters of all partitions in one file. It can be lost: then the topic is read again from its start. */
export class CountersFile {
  private readonly dir: string;
  private readonly log: string;
  private readonly program: string;
  private stored = '';

  constructor(dir: string, log: string, program: string) {
    this.dir = dir;
    this.log = log;
    this.program = program;
  }

  /** Null when there is none for this log; `why` tells when that is a surprise. */
  async read(): Promise<ReadStats> {
    await mkdir(this.dir, { recursive: true });
    let text: string;
    try {
      text = await readFile(this.path, 'utf8');
    } catch (error) {
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      return { stats: null, why: isMissing ? '' : reasonOf(error) };
    }
    try {
      const file = fileSchema.parse(JSON.parse(text));
      if (file.log !== this.log) return { stats: null, why: 'they belong to another topic' };
      const entries = Object.entries(file.partitions).map(([key, stats]) => [Number(key), stats] as const);
      const begins = Object.entries(file.begins ?? {}).map(([key, at]) => [Number(key), at] as const);
      return { stats: new Map(entries), why: '', expired: file.expired, begins: new Map(begins) };
    } catch {
      // It is counted again, and `why` says so.
      return { stats: null, why: 'the file is damaged' };
    }
  }

  /** Replaces the file, if anything has changed, so that a crash leaves the old or the new one. */
  async write(partitions: Iterable<PartitionStats>, expired: Expired): Promise<void> {
    const file = {
      format_version: FORMAT_VERSION,
      written_by: this.program,
      log: this.log,
      ...expired.toStored(),
      partitions: Object.fromEntries(Array.from(partitions, (each) => [each.partition, each.toStored()])),
    };
    const text = JSON.stringify(file);
    if (text === this.stored) return;
    await writeFileDurable(this.path, text);
    this.stored = text;
  }

  private get path(): string {
    return join(this.dir, 'books.json');
  }
}
