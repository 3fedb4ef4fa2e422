import { randomBytes } from 'node:crypto';
import { matchesGlob } from 'node:path';
import type { SourceContext } from '../source.ts';
import { recordOfContent } from './find-content.ts';
import {
  type FoundFile,
  familyOf,
  findFiles,
  findInFolders,
  findSiblings,
  hasPackedName,
  isRotatedNameOf,
  realPathOf,
} from './find-files.ts';
import { NO_FINGERPRINT } from './fingerprint.ts';
import { type FileRecord, TailStateFile } from './tail-state-file.ts';
import { TrackedFile } from './tracked-file.ts';

/** A finished file outside of the pattern is kept open this long, in case its writer still writes. */
const KEPT_MS = 5 * 60_000;
/** How often the copy of an emptied file is looked for in vain before its new content is read. */
const COPY_LOOKS = 3;
/** Programs that pack files keep their times, some of them in whole seconds. */
const TIME_TOLERANCE_MS = 1000;
/** Files that are remembered without being followed; the oldest are forgotten first. */
const KNOWN_MAX = 10_000;

export interface RegistryCounters {
  rotations: number;
  truncations: number;
  /** Files that were gone, and not to be found by their content, before their end was read. */
  lost_files: number;
  lost_bytes: number;
}

/** Which files are followed, in the order in which they are read, and what became of them by rotation. */
export class Registry {
  readonly files: TrackedFile[] = [];
  readonly counters: RegistryCounters = { rotations: 0, truncations: 0, lost_files: 0, lost_bytes: 0 };
  /** Files that are not followed: gone, or outside of the pattern. */
  private known: FileRecord[] = [];
  private readonly pattern: string;
  private readonly filesMax: number;
  private readonly stateFile: TailStateFile;
  private readonly context: SourceContext;
  private readonly signal: AbortSignal;
  /** When the lost file of a family was last written to. */
  private readonly lostFamilies = new Map<string, number>();
  /** Packed files that are copies of files that are followed: to find that out once is enough. */
  private readonly packedCopies = new Set<string>();
  private tooManyTold = false;

  constructor(pattern: string, filesMax: number, context: SourceContext, signal: AbortSignal) {
    this.pattern = pattern;
    this.filesMax = filesMax;
    this.stateFile = new TailStateFile(context.stateDir);
    this.context = context;
    this.signal = signal;
  }

  /** Takes up the files of the last run, wherever they were moved to in the meantime. */
  async load(): Promise<void> {
    const state = await this.stateFile.load();
    const found = await findFiles(this.pattern);
    await this.close();
    this.files.length = 0;
    this.known = [];
    for (const record of state.known)
      if (record.finished || !(await this.takeUp(record, found))) this.known.push(record);
    for (const record of state.files) if (!(await this.takeUp(record, found))) this.known.push(record);
  }

  /** Follows a file of the last run again; false: it is outside of the pattern by now, or gone. */
  private async takeUp(record: FileRecord, found: FoundFile[]): Promise<boolean> {
    if (!this.isWanted(record.family)) return false;
    const file = this.tracked(record);
    if (await this.reopen(file, found)) {
      this.files.push(file);
      return true;
    }
    this.lostFamilies.set(record.family, record.modifiedMs);
    if (!record.finished) this.lost(file);
    return false;
  }

  /** Writes the positions; does nothing when they are on disk already. */
  async save(): Promise<void> {
    this.known.splice(0, Math.max(0, this.known.length - KNOWN_MAX));
    await this.stateFile.save({ files: this.files.map((file) => file.record), known: this.known });
  }

  async close(): Promise<void> {
    for (const file of this.files) await file.close();
  }

  /** A file waits while a rotated one of its family has lines left. */
  isBlocked(file: TrackedFile): boolean {
    for (const other of this.files) {
      if (other === file) return false;
      const { family, rotated, finished } = other.record;
      if (family === file.record.family && rotated && !finished && !other.isRejected) return true;
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
    const copy = await this.copyOf(file);
    if (copy !== null && (await copy.open())) {
      this.files.splice(this.files.indexOf(file), 0, copy);
      this.counters.truncations++;
      file.restart(newIdPrefix());
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
    file.restart(newIdPrefix());
  }

  /** A file beside this one that has the content which was read of it. */
  private async copyOf({ record }: TrackedFile): Promise<TrackedFile | null> {
    const followed = new Set(this.files.map((other) => other.record.id));
    for (const sibling of (await findSiblings(record.family)).reverse()) {
      if (followed.has(sibling.id)) continue;
      // Of files with the same header only those that were written to since can be it.
      const isLikely =
        sibling.modifiedMs > record.modifiedMs - TIME_TOLERANCE_MS &&
        isRotatedNameOf(sibling.path, record.family);
      if ((await recordOfContent(sibling.path, [record], this.signal, isLikely)) === null) continue;
      return this.tracked({ ...(await continued(record, sibling, record.family)), rotated: true });
    }
    return null;
  }

  /** A file that can't be opened any more must not hold up those behind it. */
  dropIfGone(file: TrackedFile): void {
    if (file.visible) return;
    if (!file.record.finished) this.lost(file);
    this.forget(file);
  }

  private forget(file: TrackedFile): void {
    this.files.splice(this.files.indexOf(file), 1);
    this.known.push(file.record);
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
    if (!rotated && !record.isPacked) record.finished = false;
    if (now !== undefined) record.path = now.path;
    const idle = record.finished && this.context.now() - file.lastGrowthMs > KEPT_MS;
    if (!idle) return;
    if (now === undefined) {
      await file.close();
      this.forget(file);
    } else if (now.size === record.position || record.isPacked) await file.close();
  }

  private async discover(found: FoundFile, family: string): Promise<void> {
    // The copy of a file just emptied is looked for first.
    if (this.files.some((file) => file.record.family === family && file.looksForCopy > 0)) return;
    if (await this.revive(found, family)) return;
    for (const file of this.files) {
      const { record } = file;
      const isBackup = !record.rotated && isRotatedNameOf(found.path, record.family);
      const isSuccessor = record.rotated && !file.visible && !record.finished && found.path === record.family;
      const isPackedCopy = hasPackedName(found.path);
      if (!(isBackup || isSuccessor || isPackedCopy)) continue;
      const seen = `${record.id} ${found.id} ${found.size} ${found.modifiedMs}`;
      if (isPackedCopy && this.packedCopies.has(seen)) return;
      if ((await recordOfContent(found.path, [record], this.signal)) === null) continue;
      // The copy that copytruncate makes, and a packed one, are of use when the original is gone, not before.
      if (isPackedCopy && record.position > 0) this.packedCopies.add(seen);
      if (!isSuccessor) return;
      // Written from scratch under its own name by an editor: it goes on where the old one was.
      record.finished = true;
      await this.add(await continued(record, found, family));
      return;
    }
    const before = this.files.findLast((file) => file.record.family === family && file.record.rotated);
    const sinceMs = before?.record.modifiedMs ?? this.lostFamilies.get(family);
    // Where a missed one slips away under a new name, the present one waits for the next look.
    if (sinceMs !== undefined && family === found.path && !(await this.addMissed(sinceMs, found))) return;
    await this.add({ ...(await newRecord(found, family)), rotated: family !== found.path });
  }

  /** Goes on with a file that was read before: the same one, or another one with its content. */
  private async revive(found: FoundFile, family: string): Promise<boolean> {
    const same = this.known.filter(({ id }) => id === found.id);
    const record =
      (await recordOfContent(found.path, same, this.signal)) ??
      (await recordOfContent(found.path, this.known, this.signal));
    if (record === null) return false;
    const isAdded = await this.add({
      ...(await continued(record, found, family)),
      rotated: family !== found.path,
    });
    if (isAdded) this.known.splice(this.known.indexOf(record), 1);
    return true;
  }

  /** Files that were written and rotated away while nobody looked, between one that we know and the present one. */
  private async addMissed(sinceMs: number, present: FoundFile): Promise<boolean> {
    const followed = new Set(this.files.map((file) => file.record.id));
    const siblings = await findSiblings(present.path);
    // It was rotated away itself since it was found.
    if (siblings.some((sibling) => sibling.id === present.id)) return false;
    for (const sibling of siblings) {
      const isMissed = isRotatedNameOf(sibling.path, present.path) && sibling.modifiedMs >= sinceMs;
      if (followed.has(sibling.id) || !isMissed) continue;
      const records = [...this.known, ...this.files.map((file) => file.record)];
      if ((await recordOfContent(sibling.path, records, this.signal)) !== null) continue;
      if (!(await this.add({ ...(await newRecord(sibling, present.path)), rotated: true }))) return false;
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
    const file = this.tracked(record);
    if (!(await file.open())) return false;
    // A name such as shop.ndjson.1.gz, and something else in it.
    if (record.rotated && hasPackedName(record.path) && !record.isPacked) {
      await file.close();
      return true;
    }
    this.files.push(file);
    return true;
  }

  private async reopen(file: TrackedFile, found: FoundFile[]): Promise<boolean> {
    const { record } = file;
    // More than once: it may get yet another name between the look and the opening.
    for (let tries = 0; !(await file.open()); tries++) {
      if (tries === 10) return false;
      const others = await findInFolders([record.family, record.path, record.realPath]);
      const candidates = [...(await findSiblings(record.family)), ...found, ...others];
      const moved = candidates.find((candidate) => candidate.id === record.id);
      if (moved === undefined) return this.reopenCopy(file);
      record.path = moved.path;
      record.rotated = moved.path !== record.family;
    }
    if (await file.verify()) return true;
    await file.close();
    if (await this.reopenCopy(file)) return true;
    // With other content it is our file, emptied, under names that the log has; elsewhere its inode was used again.
    // Nobody empties a file that was rotated away and read to its end.
    const isOurs = record.path === record.family || isRotatedNameOf(record.path, record.family);
    return isOurs && !record.finished && file.open();
  }

  /** Takes the content of a file that is gone from a copy of it, packed or not. */
  private async reopenCopy(file: TrackedFile): Promise<boolean> {
    const copy = file.record.finished ? null : await this.copyOf(file);
    if (copy === null) return false;
    if (file.record.path === file.record.family) this.counters.truncations++;
    Object.assign(file.record, copy.record);
    return file.open();
  }

  /** Whether the pattern asks for a file of this name, and so for what became of it. */
  private isWanted(family: string): boolean {
    return family === this.pattern || matchesGlob(family, this.pattern);
  }

  private tracked(record: FileRecord): TrackedFile {
    return new TrackedFile(record, this.context.now(), this.signal);
  }

  private lost({ record }: TrackedFile): void {
    this.counters.lost_files++;
    const { path, position } = record;
    this.context.log.warn({ path, position }, 'file was removed before its end was read');
    // It is not looked for again; should it come back, it is known.
    record.finished = true;
  }
}

async function newRecord(found: FoundFile, family: string): Promise<FileRecord> {
  return {
    id: found.id,
    path: found.path,
    family,
    realPath: await realPathOf(found.path),
    position: 0,
    skipping: false,
    fingerprint: NO_FINGERPRINT,
    trail: NO_FINGERPRINT,
    rotated: false,
    finished: false,
    modifiedMs: found.modifiedMs,
    isPacked: false,
    sampleBytes: 0,
    directive: null,
    idPrefix: newIdPrefix(),
    records: 0,
  };
}

/** The record of a file that has the content of another one, and goes on where that was. */
async function continued(record: FileRecord, found: FoundFile, family: string): Promise<FileRecord> {
  const { id, path, modifiedMs, realPath } = await newRecord(found, family);
  return { ...record, id, path, family, modifiedMs, realPath, rotated: false, finished: false };
}

const newIdPrefix = () => randomBytes(8).toString('hex');
