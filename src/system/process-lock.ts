/**
 * One holder per path, across processes, that survives kill -9 without a manual step.
 *
 * Node has no flock. A lock is the file `<path>.<number>` with the highest number:
 * - To take it: if the holder named in the highest file is gone, create the next number with link(2), which only one
 *   of several starters can do; then look again, and give way if a higher number has appeared.
 * - Files below the own number are removed. The highest file is never removed, only marked as released: so the numbers
 *   only grow, and a starter that acts on an old look either finds its number taken or sees a higher one afterwards.
 *   (With one fixed name, a slow starter could remove the fresh lock of a fast one.)
 *
 * A process is known by its pid and start time, so a reused pid is not taken for the holder. Where the pid says
 * nothing, such as a holder in another container or host on a shared volume, the holder's heartbeat decides: no beat
 * for STALE_MS means gone. A holder that slept so long that it was replaced notices at its next beat.
 */
import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode, ignoreMissing } from './error-code.ts';

const BEAT_MS = 2_000;
const STALE_MS = 10_000;
const LOOK_MS = 250;

export interface Lock {
  release(): Promise<void>;
}

interface Holder {
  pid: number;
  /** Start of the process in clock ticks since boot, where /proc tells it. */
  started: string | null;
  /** Boot and pid namespace in which the pid means something. */
  space: string | null;
  host: string;
  token: string;
  released?: boolean;
}

/** Another live process holds the lock. */
export class LockHeldError extends Error {
  readonly pid: number;
  /** Who holds it, for messages. */
  readonly holder: string;
  constructor(path: string, { pid, host }: Holder) {
    const who = pid === process.pid ? 'this same process' : `the process with pid ${pid} on ${host}`;
    super(
      `${dirname(path)} is in use by ${who}. Only one process can use it at a time: stop that one first.`,
    );
    this.name = 'LockHeldError';
    this.pid = pid;
    this.holder = who;
  }
}

/** Takes the lock or throws LockHeldError. `onLost` is called if another process took it while this one was suspended. */
export async function acquireLock(
  path: string,
  onLost?: () => void,
  { beatMs = BEAT_MS, staleMs = STALE_MS } = {},
): Promise<Lock> {
  const own: Holder = {
    pid: process.pid,
    started: (await processState(process.pid))?.started ?? null,
    space: await pidSpace(),
    host: hostname(),
    token: randomUUID(),
  };
  const temporary = `${path}.${own.token}`;
  try {
    await fs.writeFile(temporary, JSON.stringify(own), { flag: 'wx', mode: 0o640 });
    const number = await take(path, temporary, own, staleMs);
    await removeBelow(path, number);
    return hold(path, number, own, beatMs, onLost);
  } finally {
    await fs.unlink(temporary).catch(ignoreMissing);
  }
}

/** Process id of who holds the lock, without touching it; null when nobody does. */
export async function lockHolder(path: string, staleMs = STALE_MS): Promise<number | null> {
  const own: Holder = { pid: 0, started: null, space: await pidSpace(), host: hostname(), token: '' };
  for (;;) {
    const highest = (await numbers(path)).at(-1);
    if (highest === undefined) return null;
    const holder = await readHolder(`${path}.${highest}`);
    if (holder === 'gone') continue;
    const isHeld = isHolder(holder) && (await isAlive(`${path}.${highest}`, holder, own, staleMs));
    return isHeld ? holder.pid : null;
  }
}

async function take(path: string, temporary: string, own: Holder, staleMs: number): Promise<number> {
  for (;;) {
    const highest = (await numbers(path)).at(-1) ?? 0;
    if (highest > 0) {
      const holder = await readHolder(`${path}.${highest}`);
      if (holder === 'gone') continue;
      if (isHolder(holder) && (await isAlive(`${path}.${highest}`, holder, own, staleMs)))
        throw new LockHeldError(path, holder);
    }
    const number = highest + 1;
    try {
      await fs.link(temporary, `${path}.${number}`);
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
      continue;
    }
    if ((await numbers(path)).at(-1) === number) return number;
    await fs.unlink(`${path}.${number}`).catch(ignoreMissing);
  }
}

function hold(
  path: string,
  number: number,
  own: Holder,
  beatMs: number,
  onLost: (() => void) | undefined,
): Lock {
  const file = `${path}.${number}`;
  let lost = false;
  let beating = Promise.resolve();
  const beat = async () => {
    const highest = (await numbers(path)).at(-1);
    if (highest !== number) {
      lost = true;
      clearInterval(timer);
      onLost?.();
      return;
    }
    const now = new Date();
    await fs.utimes(file, now, now);
  };
  // A beat that fails (a full or slow disk) is no reason to stop: the next one follows.
  const timer = setInterval(() => {
    beating = beat().catch(() => undefined);
  }, beatMs);
  timer.unref();
  return {
    async release() {
      clearInterval(timer);
      await beating;
      if (lost) return;
      lost = true;
      const temporary = `${path}.${own.token}`;
      try {
        await fs.writeFile(temporary, JSON.stringify({ ...own, released: true }), { mode: 0o640 });
        await fs.rename(temporary, file);
      } catch (error) {
        // On a full disk: the lock ends with this process all the same.
        await fs.unlink(temporary).catch(ignoreMissing);
        throw error;
      }
    },
  };
}

/** A file that cannot be read as a holder (torn by a power loss) is a lock of nobody: null. */
async function readHolder(file: string): Promise<Holder | null | 'gone'> {
  let text: string;
  try {
    text = await fs.readFile(file, 'utf8');
  } catch (error) {
    ignoreMissing(error);
    return 'gone';
  }
  try {
    const holder = JSON.parse(text) as Holder;
    return Number.isSafeInteger(holder.pid) && holder.pid > 0 && holder.released !== true ? holder : null;
  } catch {
    // Torn by a power loss.
    return null;
  }
}

function isHolder(holder: Holder | null | 'gone'): holder is Holder {
  return holder !== null && holder !== 'gone';
}

async function isAlive(file: string, holder: Holder, own: Holder, staleMs: number): Promise<boolean> {
  if (holder.space !== null && holder.space === own.space && holder.started !== null) {
    const state = await processState(holder.pid);
    if (state !== null) return state.started === holder.started && !state.dead;
    if (!pidExists(holder.pid)) return false;
    // /proc hides the processes of other users: only the heartbeat can tell.
  } else if (
    holder.space === null &&
    own.space === null &&
    holder.host === own.host &&
    !pidExists(holder.pid)
  ) {
    return false;
  }
  return await beats(file, staleMs);
}

async function beats(file: string, staleMs: number): Promise<boolean> {
  const before = await modifiedAt(file);
  for (let waitedMs = 0; waitedMs < staleMs; waitedMs += LOOK_MS) {
    await sleep(LOOK_MS);
    const after = await modifiedAt(file);
    if (after === null) return false;
    // Marking a lock as released changes the file as well.
    if (after !== before) return isHolder(await readHolder(file));
  }
  return false;
}

async function modifiedAt(file: string): Promise<number | null> {
  try {
    const stat = await fs.stat(file);
    return stat.mtimeMs;
  } catch (error) {
    ignoreMissing(error);
    return null;
  }
}

function pidExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) !== 'ESRCH';
  }
}

/** Start time and whether it is a zombie, from Linux's /proc; null where that tells nothing. */
async function processState(pid: number): Promise<{ started: string; dead: boolean } | null> {
  try {
    const text = await fs.readFile(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may hold spaces and parentheses itself: count fields after the last one.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { started: fields[19]!, dead: fields[0] === 'Z' || fields[0] === 'X' };
  } catch {
    // The process has ended, or the system has no /proc.
    return null;
  }
}

async function pidSpace(): Promise<string | null> {
  try {
    const boot = (await fs.readFile('/proc/sys/kernel/random/boot_id', 'latin1')).trim();
    return `${boot} ${await fs.readlink('/proc/self/ns/pid')}`;
  } catch {
    // A system without /proc.
    return null;
  }
}

async function numbers(path: string): Promise<number[]> {
  const prefix = `${basename(path)}.`;
  const names = await fs.readdir(dirname(path));
  return names
    .filter((name) => name.startsWith(prefix) && /^[1-9]\d{0,14}$/.test(name.slice(prefix.length)))
    .map((name) => Number(name.slice(prefix.length)))
    .sort((a, b) => a - b);
}

/** Removes the locks that this one replaced, and what starters left that were killed while they took it. */
async function removeBelow(path: string, number: number): Promise<void> {
  for (const lower of await numbers(path)) {
    if (lower < number) await fs.unlink(`${path}.${lower}`).catch(ignoreMissing);
  }
  const prefix = `${basename(path)}.`;
  for (const name of await fs.readdir(dirname(path))) {
    if (!name.startsWith(prefix) || !/^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(name.slice(prefix.length))) continue;
    const file = `${dirname(path)}/${name}`;
    const modified = await modifiedAt(file);
    if (modified !== null && Date.now() - modified > 60_000) await fs.unlink(file).catch(ignoreMissing);
  }
}
