import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileDurable } from '../../../files/write-durable.ts';
import type { PartitionBooks, StoredBooks } from './books.ts';

const FORMAT_VERSION = 1;
const offset = z.int().min(0);
const counts = z.record(z.string().regex(/^[a-z0-9_-]{1,32}$/), offset);
const fileSchema = z.object({
  format_version: z.literal(FORMAT_VERSION),
  log: z.string(),
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

/** The books of all partitions in one file. It can be lost: then the topic is read again from its start. */
export class BooksFile {
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
  async read(): Promise<{ books: Map<number, StoredBooks> | null; why: string }> {
    await mkdir(this.dir, { recursive: true });
    let text: string;
    try {
      text = await readFile(this.path, 'utf8');
    } catch (error) {
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      return { books: null, why: isMissing ? '' : (error as Error).message };
    }
    try {
      const file = fileSchema.parse(JSON.parse(text));
      if (file.log !== this.log) return { books: null, why: 'they are those of another topic' };
      const entries = Object.entries(file.partitions).map(([key, books]) => [Number(key), books] as const);
      return { books: new Map(entries), why: '' };
    } catch {
      return { books: null, why: 'the file is damaged' };
    }
  }

  /** Replaces the file, if anything has changed, so that a crash leaves the old or the new one. */
  async write(partitions: Iterable<PartitionBooks>): Promise<void> {
    const file = {
      format_version: FORMAT_VERSION,
      written_by: this.program,
      log: this.log,
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
