import { writeFileDurable } from '../../../files/write-durable.ts';
import type { SourceContext } from '../../../ports/source.ts';
import { readStateFile } from '../state.ts';
import { type FoundFile, familyOf, findFiles, findSiblings, isRotatedNameOf } from './find-files.ts';
import { type FileRecord, TrackedFile } from './tracked-file.ts';

/** A finished file outside of the pattern is kept open this long, in case its writer still writes. */
const LINGER_MS = 5 * 60_000;
/** How often the copy of an emptied file is looked for in vain before its new content is read. */
const COPY_LOOKS = 3;

export interface RegistryCounters {
  rotations: number;
  truncations: number;
  /** Files that were rotated away and packed or removed before their end was read. */
  lost_files: number;
  lost_bytes: number;
}

/** Which files are followed, in the order in which they are read, and what became of them by rotation. */
export class Registry {
  readonly files: TrackedFile[] = [];
  readonly counters: RegistryCounters = { rotations: 0, truncations: 0, lost_files: 0, lost_bytes: 0 };
  private readonly pattern: string;
  private readonly filesMax: number;
  private readonly statePath: string;
  private readonly context: SourceContext;
  /** When the lost file of a family was last written to. */
  private readonly lostFamilies = new Map<string, number>();
  private saved = '';
  private tooManyTold = false;

  constructor(pattern: string, filesMax: number, statePath: string, context: SourceContext) {
    this.pattern = pattern;
    this.filesMax = filesMax;
    this.statePath = statePath;
    this.context = context;
  }

  /** Takes up the files of the last run, wherever they were renamed to in the meantime. */
  async load(): Promise<void> {
    const state = (await readStateFile(this.statePath)) as { files: FileRecord[] } | null;
    const found = await findFiles(this.pattern);
    await this.close();
    this.files.length = 0;
    for (const record of state?.files ?? []) {
      const file = new TrackedFile(record, this.context.now());
      if (await this.reopen(file, found)) {
        this.files.push(file);
      } else {
        this.lostFamilies.set(record.family, record.modifiedMs);
        if (!record.finished) this.lost(file);
      }
    }
  }

  /** Writes the positions; does nothing when they are on disk already. */
  async save(): Promise<void> {
    const text = JSON.stringify({ files: this.files.map((file) => file.record) });
    if (text === this.saved) return;
    await writeFileDurable(this.statePath, text);
    this.saved = text;
  }

  async close(): Promise<void> {
    for (const file of this.files) await file.close();
  }

  /** A file waits while a rotated one of its family has lines left. */
  isBlocked(file: TrackedFile): boolean {
    for (const other of this.files) {
      if (other === file) return false;
      const { family, rotated, finished } = other.record;
      if (family === file.record.family && rotated && !finished) return true;
    }
    return false;
  }

  /** Looks at the folder: new files, renamed ones, ones that are gone. */
  async scan(): Promise<void> {
    // First, because a file that is new may be the copy of one that was emptied.
    for (const file of [...this.files]) {
      if (file.handle !== null && (await file.wasReplaced(this.context.now()))) await this.replaced(file);
    }
    const found = await findFiles(this.pattern);
    const byId = new Map(found.map((file) => [file.id, file]));
    for (const file of [...this.files]) await this.follow(file, byId.get(file.record.id));
    const known = new Set(this.files.map((file) => file.record.id));
    const paths = new Set(found.map((file) => file.path));
    for (const file of found) if (!known.has(file.id)) await this.discover(file, familyOf(file.path, paths));
  }

  /** After `file` was emptied: what it held and was not read is looked for in a copy (logrotate's copytruncate). */
  private async replaced(file: TrackedFile): Promise<void> {
    const known = new Set(this.files.map((other) => other.record.id));
    for (const sibling of (await findSiblings(file.record.family)).reverse()) {
      if (known.has(sibling.id) || !(await file.hasCopyAt(sibling.path, sibling.size))) continue;
      const { position, skipping, fingerprint, family } = file.record;
      const record = { ...recordOf(sibling, family), position, skipping, fingerprint, rotated: true };
      const copy = new TrackedFile(record, this.context.now());
      if (!(await copy.open())) continue;
      this.files.splice(this.files.indexOf(file), 0, copy);
      this.counters.truncations++;
      file.restart();
      return;
    }
    // Once more before giving up: the folder may be in the middle of a rotation.
    if (file.looksForCopy++ < COPY_LOOKS) return;
    this.counters.truncations++;
    const unread = Math.max(0, file.size - file.record.position);
    if (unread > 0) {
      this.counters.lost_bytes += unread;
      this.context.log.warn(
        { path: file.record.path, bytes: unread },
        'file was emptied before its end was read',
      );
    }
    file.restart();
  }

  /** A file that can't be opened any more must not hold up those behind it. */
  dropIfGone(file: TrackedFile): void {
    if (file.visible) return;
    if (!file.record.finished) this.lost(file);
    this.files.splice(this.files.indexOf(file), 1);
  }

  private async follow(file: TrackedFile, now: FoundFile | undefined): Promise<void> {
    const { record } = file;
    file.visible = now !== undefined;
    const rotated = now?.path !== record.family;
    if (rotated && !record.rotated) {
      file.lastGrowthMs = this.context.now();
      this.counters.rotations++;
    }
    record.rotated = rotated;
    if (!rotated) record.finished = false;
    if (now !== undefined) record.path = now.path;
    const idle = record.finished && this.context.now() - file.lastGrowthMs > LINGER_MS;
    if (!idle) return;
    if (now === undefined) {
      await file.close();
      this.files.splice(this.files.indexOf(file), 1);
    } else if (now.size === record.position) await file.close();
  }

  private async discover(found: FoundFile, family: string): Promise<void> {
    // The copy of a file just emptied is looked for first.
    if (this.files.some((file) => file.record.family === family && file.looksForCopy > 0)) return;
    for (const file of this.files) {
      const { record } = file;
      const isBackup = !record.rotated && isRotatedNameOf(found.path, record.family);
      const isSuccessor = record.rotated && !file.visible && !record.finished && found.path === record.family;
      if (!(isBackup || isSuccessor) || !(await file.hasCopyAt(found.path, found.size))) continue;
      // The copy that copytruncate makes is of use when its original is emptied, not before.
      if (isBackup) return;
      // Written anew under its own name by an editor: it goes on where the old one was.
      const { position, skipping, fingerprint } = record;
      record.finished = true;
      await this.add({ ...recordOf(found, family), position, skipping, fingerprint });
      return;
    }
    const before = this.files.findLast((file) => file.record.family === family && file.record.rotated);
    const sinceMs = before?.record.modifiedMs ?? this.lostFamilies.get(family);
    // Where a missed one slips away under a new name, the present one waits for the next look.
    if (sinceMs !== undefined && family === found.path && !(await this.addMissed(sinceMs, found))) return;
    await this.add({ ...recordOf(found, family), rotated: family !== found.path });
  }

  /** Files that were written and rotated away while nobody looked, between one that we know and the present one. */
  private async addMissed(sinceMs: number, present: FoundFile): Promise<boolean> {
    const known = new Set(this.files.map((file) => file.record.id));
    const siblings = await findSiblings(present.path);
    // It was rotated away itself since it was found.
    if (siblings.some((sibling) => sibling.id === present.id)) return false;
    for (const sibling of siblings) {
      const isMissed = isRotatedNameOf(sibling.path, present.path) && sibling.modifiedMs >= sinceMs;
      if (known.has(sibling.id) || !isMissed) continue;
      if (!(await this.add({ ...recordOf(sibling, present.path), rotated: true }))) return false;
    }
    return true;
  }

  private async add(record: FileRecord): Promise<boolean> {
    if (this.files.length >= this.filesMax) {
      if (!this.tooManyTold)
        this.context.log.error({ path: record.path }, 'more files than files_max: some are not read');
      this.tooManyTold = true;
      return false;
    }
    const file = new TrackedFile(record, this.context.now());
    if (!(await file.open())) return false;
    this.files.push(file);
    return true;
  }

  private async reopen(file: TrackedFile, found: FoundFile[]): Promise<boolean> {
    const { record } = file;
    // More than once: it may get yet another name between the look and the opening.
    for (let tries = 0; !(await file.open()); tries++) {
      const candidates = [...(await findSiblings(record.family)), ...found];
      const moved = candidates.find((candidate) => candidate.id === record.id);
      if (moved === undefined || tries === 10) return false;
      record.path = moved.path;
      record.rotated = true;
    }
    // With other content it is our file, emptied, under names that the log has; elsewhere its inode was used again.
    // Nobody empties a file that was rotated away and read to its end.
    const isOurs = record.path === record.family || isRotatedNameOf(record.path, record.family);
    if ((isOurs && !record.finished) || (await file.verify())) return true;
    await file.close();
    return false;
  }

  private lost({ record }: TrackedFile): void {
    this.counters.lost_files++;
    const { path, position } = record;
    this.context.log.warn({ path, position }, 'file was packed or removed before its end was read');
  }
}

function recordOf(found: FoundFile, family: string): FileRecord {
  return {
    id: found.id,
    path: found.path,
    family,
    position: 0,
    skipping: false,
    fingerprint: { bytes: 0, crc: 0 },
    rotated: false,
    finished: false,
    modifiedMs: found.modifiedMs,
  };
}
