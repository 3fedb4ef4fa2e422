import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, renameSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '../../src/telemetry/system-error.ts';
import { ServiceError } from './failure.ts';

const LOOK_MS = 50;
/** How long a process may take to end by itself after SIGTERM. */
const GRACE_MS = 15_000;

/** A process, known by more than its pid, which another process may have one day. */
export interface ProcessId {
  pid: number;
  /** Boot of the machine and start in clock ticks since then, as /proc tells them. */
  started: string;
}

/** How to start a process that goes on after the command that started it. */
export interface ProcessSpec {
  /** Unique within its server. */
  name: string;
  command: string;
  args: string[];
  env?: Record<string, string>;
  cwd: string;
  /** File for stdout and stderr of one start; that of the start before is kept beside it as "FILE.old". */
  log: string;
  /** Ports that it listens on. */
  ports: number[];
}

export async function startProcess(spec: ProcessSpec): Promise<ProcessId> {
  if (existsSync(spec.log)) renameSync(spec.log, `${spec.log}.old`);
  const log = openSync(spec.log, 'a', 0o600);
  // Of the environment only what any program needs: INFLUXDB_*, VGW_* or KAFKA_* of the caller would change the servers.
  const { PATH = '', HOME = spec.cwd, TMPDIR } = process.env;
  const child = spawn(spec.command, spec.args, {
    cwd: spec.cwd,
    env: { PATH, HOME, ...(TMPDIR ? { TMPDIR } : {}), ...spec.env },
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  try {
    await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
  } catch (error) {
    throw new ServiceError(`${spec.command} can't be started: ${reasonOf(error)}.`);
  }
  child.unref();
  const pid = child.pid!;
  // One that has ended already has no start time any more; then no process is taken for it.
  return { pid, started: stateOf(pid)?.started ?? 'ended' };
}

export function isAlive({ pid, started }: ProcessId): boolean {
  const state = stateOf(pid);
  // A process that has ended stays in the table until its parent asks for it, which in a container may be never.
  return state !== null && state.started === started && !/[ZX]/.test(state.state);
}

/** Sends a signal to this very process, if it is alive. */
function signal(id: ProcessId, name: NodeJS.Signals): void {
  if (!isAlive(id)) return;
  try {
    process.kill(id.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Ends processes: asks them to, and after a time of grace ends them. */
export async function stopProcesses(ids: readonly ProcessId[]): Promise<void> {
  for (const id of ids) signal(id, 'SIGTERM');
  if (await haveEnded(ids, GRACE_MS)) return;
  for (const id of ids) signal(id, 'SIGKILL');
  if (await haveEnded(ids, GRACE_MS)) return;
  const left = ids.filter(isAlive).map(({ pid }) => pid);
  throw new ServiceError(
    `These processes do not end, not even after SIGKILL: ${left.join(', ')}. They may wait for a disk.`,
  );
}

/** Waits until none is alive; false when that takes longer than `msMax`. */
async function haveEnded(ids: readonly ProcessId[], msMax: number): Promise<boolean> {
  const deadline = Date.now() + msMax;
  while (ids.some(isAlive)) {
    if (Date.now() > deadline) return false;
    await sleep(LOOK_MS);
  }
  return true;
}

function stateOf(pid: number): { state: string; started: string } | null {
  try {
    // proc_pid_stat(5): the name is in brackets and may hold anything; state is field 3, the start time field 22.
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    return { state: fields[0]!, started: `${boot}:${fields[19]}` };
  } catch {
    // The process has ended.
    return null;
  }
}
