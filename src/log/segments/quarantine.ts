import { ignoreMissing } from '../../system/error-code.ts';
import type { Offset } from '../offset.ts';
import { type LogFiles, readUpTo, writeAll } from './files.ts';
import type { Segment } from './segment.ts';

const COPY_BYTES = 1024 * 1024;

export interface Damage {
  segment: Segment;
  position: number;
  bytes: number;
  /** Offset of the first lost line, and how many were lost. */
  first: Offset;
  lines: number;
}

/**
 * Sets damaged bytes aside and keeps count of the lines lost in them.
 *
 * They are copied to `quarantine/` and left in the segment too: a file that the disk has damaged is not written to
 * again, and every position in it stays right. The file names are the record: they give the offset and number of lines,
 * so that the count survives a restart and damage that is met again is not counted again. Who has looked into it
 * removes the file, and the count with it.
 */
export class Quarantine {
  private readonly files: LogFiles;
  private readonly dir: string;
  private readonly known = new Set<string>();
  private readonly lost: { first: Offset; end: Offset }[] = [];

  constructor(files: LogFiles, logDir: string) {
    this.files = files;
    this.dir = `${logDir}/quarantine`;
  }

  async open(): Promise<void> {
    const names = await this.files.readdir(this.dir).catch((error) => {
      ignoreMissing(error);
      return [];
    });
    for (const name of names) {
      const parts = /^lost-(\d+)-(\d+)-lines-at-\d+\.bin$/.exec(name);
      if (parts !== null) this.note(name, Number(parts[1]), Number(parts[2]));
    }
  }

  /** Lines that were lost. Two readers may have met the same damage in different pieces: each line counts once. */
  get lostLines(): number {
    let lines = 0;
    let done = 0;
    for (const { first, end } of this.lost.toSorted((a, b) => a.first - b.first)) {
      lines += Math.max(0, end - Math.max(first, done));
      done = Math.max(done, end);
    }
    return lines;
  }

  /** Never throws: that there is no room for the copy must not stop anyone from reading on. */
  async take(damage: Damage): Promise<void> {
    const first = String(damage.first).padStart(20, '0');
    const name = `lost-${first}-${damage.lines}-lines-at-${damage.position}.bin`;
    if (this.known.has(name)) return;
    this.note(name, damage.first, damage.lines);
    try {
      await this.copy(damage, name);
    } catch {
      // The bytes are still in the segment, and the lines are counted until the restart, which tries again.
    }
  }

  private note(name: string, first: Offset, lines: number): void {
    this.known.add(name);
    this.lost.push({ first, end: first + lines });
  }

  private async copy(damage: Damage, name: string): Promise<void> {
    const temporary = `${this.dir}/${name}.tmp`;
    await this.files.mkdir(this.dir);
    await this.files.unlink(temporary).catch(ignoreMissing);
    const from = await this.files.open(damage.segment.path, 'read');
    try {
      const to = await this.files.open(temporary, 'create');
      try {
        let done = 0;
        while (done < damage.bytes) {
          const want = Math.min(COPY_BYTES, damage.bytes - done);
          const bytes = await readUpTo(this.files, from, damage.position + done, want);
          if (bytes.length === 0) break;
          done += await writeAll(this.files, to, [bytes], done);
        }
        await this.files.fdatasync(to);
      } finally {
        await this.files.close(to);
      }
    } finally {
      await this.files.close(from);
    }
    await this.files.rename(temporary, `${this.dir}/${name}`);
    await this.files.syncDir(this.dir);
  }
}
