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

  /** Runs `query` on a file with `chunks`. Rejects with the query's error, or with that of `chunks`. */
  async run(query: (path: string) => Promise<void>, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const path = join(this.#dir, `lines-${process.pid}-${this.#made++}.ndjson`);
    try {
      const file = await open(path, 'wx', 0o600);
      try {
        for await (const chunk of chunks) await writeAll(file, chunk);
      } finally {
        await file.close();
      }
      await query(path);
    } finally {
      await rm(path, { force: true });
    }
  }
}

async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten;
}
