import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Hands many bytes to a query of DuckDB, whose Node API takes none, by a file that is deleted when the query has read it. A
 * named pipe would save the file, but this process validates lines and feeds the pipe in one thread: while lines come
 * in, DuckDB waits for it, and a load took twice as long.
 */
export class LineFeed {
  readonly #dir: string;
  #made = 0;

  /** `dir`: where the files are made; a folder that SQL may read. */
  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Runs `query` on a file with `pieces`, each of one or more chunks. Rejects with the query's error, or with that of `pieces`. */
  async run(
    query: (path: string) => Promise<void>,
    pieces: AsyncIterable<readonly Uint8Array[]>,
  ): Promise<void> {
    const path = join(this.#dir, `lines-${process.pid}-${this.#made++}.ndjson`);
    try {
      const file = await open(path, 'wx', 0o600);
      try {
        for await (const chunks of pieces) await writeAll(file, chunks);
      } finally {
        await file.close();
      }
      await query(path);
    } finally {
      await rm(path, { force: true });
    }
  }
}

/** One call for all: while lines come in, each waits until the thread that validates them has a moment. */
async function writeAll(file: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  let left = chunks.filter((chunk) => chunk.length > 0);
  while (left.length > 0) {
    let { bytesWritten } = await file.writev(left);
    left = left.flatMap((chunk) => {
      const written = Math.min(bytesWritten, chunk.length);
      bytesWritten -= written;
      return written === chunk.length ? [] : [chunk.subarray(written)];
    });
  }
}
