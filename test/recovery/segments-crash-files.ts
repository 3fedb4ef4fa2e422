import type { LogFiles } from '../../src/log/segments/files.ts';

const SECTOR_BYTES = 128;

type Change = { kind: 'write'; at: number; bytes: Buffer } | { kind: 'truncate'; at: number };

/** A file as everyone sees it, and as the disk has it: what was synced last, and what changed since. */
interface Inode {
  seen: Buffer;
  durable: Buffer;
  changes: Change[];
}

type NameChange = { name: string; inode: Inode | null };

/**
 * Files in memory that keep apart what is durable and what a power loss may take: the changes of a file since its last
 * fdatasync, in any selection of sectors and order; the names in a folder since its last sync, from some point on.
 */
export class CrashFiles implements LogFiles {
  crashed = false;
  private names = new Map<string, Inode>();
  private durableNames = new Map<string, Inode>();
  private nameChanges: NameChange[] = [];
  private readonly openFiles = new Map<number, Inode>();
  private nextFd = 1000;
  private callsLeft = Number.POSITIVE_INFINITY;

  /** The power goes at the call after so many. */
  failAfter(calls: number): void {
    this.callsLeft = calls;
  }

  /** What a new process sees after the old one was killed: everything, as durable as it was. */
  afterKill(): CrashFiles {
    const next = new CrashFiles();
    next.names = this.names;
    next.durableNames = this.durableNames;
    next.nameChanges = this.nameChanges;
    return next;
  }

  /** What the disk may hold when the power comes back. */
  afterPowerLoss(random: () => number): CrashFiles {
    const next = new CrashFiles();
    const names = new Map(this.durableNames);
    const kept = Math.floor(random() * (this.nameChanges.length + 1));
    for (const { name, inode } of this.nameChanges.slice(0, kept)) {
      if (inode === null) names.delete(name);
      else names.set(name, inode);
    }
    const survivors = new Map<Inode, Inode>();
    for (const [name, inode] of names) {
      if (!survivors.has(inode)) {
        const content = survivor(inode, random);
        survivors.set(inode, { seen: content, durable: Buffer.from(content), changes: [] });
      }
      next.names.set(name, survivors.get(inode)!);
    }
    next.durableNames = new Map(next.names);
    return next;
  }

  async mkdir(): Promise<void> {
    this.call();
  }

  async readdir(path: string): Promise<string[]> {
    this.call();
    return [...this.names.keys()]
      .filter((name) => name.startsWith(`${path}/`))
      .map((name) => name.slice(path.length + 1))
      .filter((name) => !name.includes('/'));
  }

  async open(path: string, mode: 'read' | 'update' | 'create'): Promise<number> {
    this.call();
    let inode = this.names.get(path);
    if (mode === 'create') {
      if (inode !== undefined) throw failure('EEXIST');
      inode = { seen: Buffer.alloc(0), durable: Buffer.alloc(0), changes: [] };
      this.setName(path, inode);
    }
    if (inode === undefined) throw failure('ENOENT');
    this.nextFd += 1;
    this.openFiles.set(this.nextFd, inode);
    return this.nextFd;
  }

  async size(fd: number): Promise<number> {
    this.call();
    return this.openFiles.get(fd)!.seen.length;
  }

  async read(fd: number, buffer: Buffer, position: number): Promise<number> {
    this.call();
    return this.openFiles.get(fd)!.seen.copy(buffer, 0, position);
  }

  async write(fd: number, buffers: readonly Buffer[], position: number): Promise<number> {
    const inode = this.openFiles.get(fd)!;
    const bytes = Buffer.concat(buffers);
    // The power may go in the middle of a write: some of it has then been taken.
    this.change(inode, { kind: 'write', at: position, bytes });
    this.call();
    return bytes.length;
  }

  async fdatasync(fd: number): Promise<void> {
    this.call();
    const inode = this.openFiles.get(fd)!;
    inode.durable = Buffer.from(inode.seen);
    inode.changes = [];
  }

  async truncate(fd: number, bytes: number): Promise<void> {
    this.call();
    this.change(this.openFiles.get(fd)!, { kind: 'truncate', at: bytes });
  }

  async close(fd: number): Promise<void> {
    this.openFiles.delete(fd);
    this.call();
  }

  async rename(from: string, to: string): Promise<void> {
    this.call();
    const inode = this.names.get(from);
    if (inode === undefined) throw failure('ENOENT');
    // One step for the disk as well: never both names or none.
    this.names.delete(from);
    this.names.set(to, inode);
    this.nameChanges.push({ name: to, inode }, { name: from, inode: null });
  }

  async unlink(path: string): Promise<void> {
    this.call();
    if (!this.names.has(path)) throw failure('ENOENT');
    this.setName(path, null);
  }

  async syncDir(): Promise<void> {
    this.call();
    this.durableNames = new Map(this.names);
    this.nameChanges = [];
  }

  async freeBytes(): Promise<number> {
    this.call();
    return Number.MAX_SAFE_INTEGER;
  }

  private setName(name: string, inode: Inode | null): void {
    if (inode === null) this.names.delete(name);
    else this.names.set(name, inode);
    this.nameChanges.push({ name, inode });
  }

  private change(inode: Inode, change: Change): void {
    if (this.crashed) return;
    inode.changes.push(change);
    inode.seen = applied(inode.seen, change);
  }

  private call(): void {
    if (this.callsLeft <= 0) this.crashed = true;
    if (this.crashed) throw failure('EIO');
    this.callsLeft -= 1;
  }
}

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: in the model`), { code });
}

function applied(content: Buffer, change: Change): Buffer {
  if (change.kind === 'truncate') {
    const cut = Buffer.alloc(change.at);
    content.copy(cut);
    return cut;
  }
  const grown = Buffer.alloc(Math.max(content.length, change.at + change.bytes.length));
  content.copy(grown);
  change.bytes.copy(grown, change.at);
  return grown;
}

function survivor(inode: Inode, random: () => number): Buffer {
  const mode = random();
  let content = Buffer.from(inode.durable);
  if (mode < 0.2) return content;
  for (const change of inode.changes) {
    if (mode < 0.4) {
      content = Buffer.from(applied(content, change));
    } else if (change.kind === 'truncate') {
      if (random() < 0.5) content = Buffer.from(applied(content, change));
    } else {
      const sectors: { at: number; bytes: Buffer }[] = [];
      for (let from = 0; from < change.bytes.length; ) {
        const to = Math.min(change.bytes.length, from + SECTOR_BYTES - ((change.at + from) % SECTOR_BYTES));
        sectors.push({ at: change.at + from, bytes: change.bytes.subarray(from, to) });
        from = to;
      }
      // A prefix, as most file systems leave; or any sectors, with zeros in the holes.
      const prefix = mode < 0.7 ? Math.floor(random() * (sectors.length + 1)) : sectors.length;
      for (const { at, bytes } of sectors.slice(0, prefix)) {
        if (mode >= 0.7 && random() < 0.4) continue;
        content = Buffer.from(applied(content, { kind: 'write', at, bytes }));
      }
    }
  }
  return content;
}
