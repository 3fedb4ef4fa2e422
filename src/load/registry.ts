import { createHash, type Hash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileDurable } from '../system/write-durable.ts';

/** How far the content of a file is loaded. */
export interface LoadProgress {
  /** Names the entry; a load that goes on keeps it. */
  readonly id: string;
  /** Of the file that was loaded, for messages. */
  readonly file: string;
  /** What the user set about how the file is read: with other settings it is another load. */
  readonly settings: string;
  /** SHA-256 of the first bytes of the content, and how many these are. */
  readonly head: string;
  readonly headBytes: number;
  /** Decompressed bytes that had been read, and their SHA-256. */
  readonly bytes: number;
  readonly sha256: string;
  /** Records that these bytes gave, without one that they cut or that has no line end; all of them are stored. */
  readonly records: number;
  /** The same with it. */
  readonly allRecords: number;
  /** Events among them: of a load in which nothing counted, nothing can count twice. */
  readonly events: number;
  /** Orders that its mapping left out as cancelled, and of which it had no sale: a later load may bring that. */
  readonly withdrawn?: readonly string[];
  /** The content ended here. */
  readonly isComplete: boolean;
  readonly updatedAt: string;
}

const HEAD_BYTES_MAX = 4096;
/** Of more loads the oldest are forgotten. */
const ENTRIES_MAX = 10_000;

/** Hashes content as it comes, in chunks of any size. */
export class ContentHash {
  #hash: Hash = createHash('sha256');
  #head: Buffer = Buffer.alloc(0);
  bytes = 0;

  update(chunk: Buffer): void {
    if (this.#head.length < HEAD_BYTES_MAX)
      this.#head = Buffer.concat([this.#head, chunk.subarray(0, HEAD_BYTES_MAX - this.#head.length)]);
    this.#hash.update(chunk);
    this.bytes += chunk.length;
  }

  /** What an entry says of the content until here. */
  at(): Pick<LoadProgress, 'head' | 'headBytes' | 'bytes' | 'sha256'> {
    return {
      head: sha256(this.#head),
      headBytes: this.#head.length,
      bytes: this.bytes,
      sha256: this.#hash.copy().digest('hex'),
    };
  }
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** The loads of a data folder: one small file each in its folder `loads`, so that loads at the same time do not meet. */
export class LoadRegistry {
  readonly #dir: string;
  #entries: LoadProgress[] = [];

  private constructor(dataDir: string) {
    this.#dir = join(dataDir, 'loads');
  }

  static async open(dataDir: string): Promise<LoadRegistry> {
    const registry = new LoadRegistry(dataDir);
    await mkdir(registry.#dir, { recursive: true, mode: 0o700 });
    const names = (await readdir(registry.#dir)).filter((name) => name.endsWith('.json'));
    const entries = await Promise.all(
      names.map(
        async (name) => JSON.parse(await readFile(join(registry.#dir, name), 'utf8')) as LoadProgress,
      ),
    );
    registry.#entries = entries.sort((a, b) => a.updatedAt.localeCompare(b.updatedAt));
    for (const { id } of registry.#entries.splice(0, Math.max(0, entries.length - ENTRIES_MAX)))
      await rm(registry.#pathOf(id), { force: true });
    return registry;
  }

  /**
   * The load that came furthest in this content; null where nothing of it is loaded. A file that has grown, or was cut and is whole
   * now, begins with what was loaded. `open` gives the decompressed content from its start; it is read only where a load may match.
   */
  async find(open: () => AsyncIterable<Buffer>): Promise<{ progress: LoadProgress; isAll: boolean } | null> {
    let candidates = this.#entries.filter(({ bytes }) => bytes > 0).sort((a, b) => a.bytes - b.bytes);
    if (candidates.length === 0) return null;
    const content = new ContentHash();
    let found: LoadProgress | null = null;
    let head: Buffer = Buffer.alloc(0);
    let isAll = false;
    for await (let chunk of open()) {
      isAll = false;
      if (candidates.length === 0) break;
      if (head.length < HEAD_BYTES_MAX) {
        head = Buffer.concat([head, chunk.subarray(0, HEAD_BYTES_MAX - head.length)]);
        candidates = candidates.filter(
          (entry) =>
            head.length < entry.headBytes || sha256(head.subarray(0, entry.headBytes)) === entry.head,
        );
      }
      while (candidates.length > 0 && content.bytes + chunk.length >= candidates[0]!.bytes) {
        const rest = candidates[0]!.bytes - content.bytes;
        content.update(chunk.subarray(0, rest));
        chunk = chunk.subarray(rest);
        const { sha256: digest } = content.at();
        for (; candidates[0]?.bytes === content.bytes; candidates.shift())
          if (candidates[0].sha256 === digest) [found, isAll] = [further(found, candidates[0]), true];
      }
      if (chunk.length === 0) continue;
      isAll = false;
      if (candidates.length === 0) break;
      content.update(chunk);
    }
    return found && { progress: found, isAll: isAll && found.isComplete };
  }

  /** Orders that mappings have left out as cancelled before a sale of them came, those of the oldest load first. */
  withdrawn(): string[] {
    return this.#entries.flatMap(({ withdrawn }) => withdrawn ?? []);
  }

  /** Starts an entry. */
  begin(file: string, settings: string): Pick<LoadProgress, 'id' | 'file' | 'settings'> {
    return { id: randomUUID(), file, settings };
  }

  /** Stores how far a load came; durable when it resolves. */
  async save(progress: LoadProgress): Promise<void> {
    await writeFileDurable(this.#pathOf(progress.id), `${JSON.stringify(progress)}\n`, 0o600);
    this.#entries = [...this.#entries.filter(({ id }) => id !== progress.id), progress];
  }

  #pathOf(id: string): string {
    return join(this.#dir, `${id}.json`);
  }
}

function further(a: LoadProgress | null, b: LoadProgress): LoadProgress {
  return a === null || b.records > a.records || (b.records === a.records && b.isComplete) ? b : a;
}
