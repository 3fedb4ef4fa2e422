import type { ArchivedEvent } from '../archive/archive.ts';
import type { ParquetReader } from '../archive/parquet-tool.ts';
import type { ArchiveFiles } from '../metrics/engine.ts';

/** Newest files that are read. */
const FILES_MAX = 8;
/** The archive is asked again after so long at the earliest. */
const KEPT_MS = 10_000;

/**
 * The newest archived events of each source, from the newest files of the archive: small and a little old, whatever it holds. A source whose
 * last events are in older files has none.
 */
export class NewestEvents {
  readonly #archive: ArchiveFiles;
  readonly #parquet: Pick<ParquetReader, 'latestEvents'>;
  readonly #now: () => number;
  #asked: { atMs: number; found: Promise<ArchivedEvent[]> } | null = null;

  constructor(archive: ArchiveFiles, parquet: Pick<ParquetReader, 'latestEvents'>, now: () => number) {
    this.#archive = archive;
    this.#parquet = parquet;
    this.#now = now;
  }

  get(perSource: number): Promise<ArchivedEvent[]> {
    const nowMs = this.#now();
    if (this.#asked === null || Math.abs(nowMs - this.#asked.atMs) > KEPT_MS)
      this.#asked = { atMs: nowMs, found: this.#read(perSource) };
    return this.#asked.found;
  }

  #read(perSource: number): Promise<ArchivedEvent[]> {
    return this.#archive.withNames('events', {}, async (named) => {
      const newest = [...named].sort((a, b) => b.receivedMs[1] - a.receivedMs[1]).slice(0, FILES_MAX);
      const paths = new Set(newest.map(({ path }) => path));
      return this.#archive.withFiles('events', { paths }, (files) =>
        this.#parquet.latestEvents(files, perSource),
      );
    });
  }
}
