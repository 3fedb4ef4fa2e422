import { existsSync, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { now } from '../system/clock.ts';
import { counted } from '../telemetry/words.ts';
import {
  CommandError,
  type CommonOptions,
  dataDirOf,
  findRunning,
  NotAnsweringError,
  print,
  readRunFile,
  refuseHolder,
  removeRunFile,
} from './context.ts';
import { progress, progressDone } from './terminal.ts';
import { stopWith } from './with-services.ts';

/** How long a stopping process may take to archive and measure what the log holds. */
export const DRAIN_MS_MAX = 60_000;

/** `down`: stops the process of the data folder after it has drained. Harmless when none runs. */
export async function down(options: CommonOptions): Promise<void> {
  const dataDir = dataDirOf(options);
  let silent: number | null = null;
  const run = await findRunning(dataDir).catch((error) => {
    // A suspended process gets no signal to end before it goes on.
    if (!(error instanceof NotAnsweringError) || error.why === 'suspended') throw error;
    silent = error.pid;
    return null;
  });
  const pid = run?.pid ?? silent;
  if (pid === null) await refuseHolder(dataDir);
  if (pid === null) {
    const stale = await readRunFile(dataDir);
    if (stale) await removeRunFile(dataDir, stale.pid);
    const servers = await stopWith(dataDir);
    print(options, { stopped: false, running: false, servers }, () =>
      ['Tillstream is not running on this data folder.', ...serversStopped(servers)].join('\n'),
    );
    return;
  }
  end(pid);
  const deadline = now() + DRAIN_MS_MAX + 15_000;
  while (isAlive(pid)) {
    if (now() > deadline)
      throw new CommandError(`Process ${pid} is still draining; see "tillstream status".`);
    progress('Draining ...');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  progressDone();
  const { drained, waiting } = await readStopped(dataDir, pid);
  const servers = await stopWith(dataDir);
  print(options, { stopped: true, pid, drained, waiting, servers }, () =>
    [`Stopped process ${pid}.${linesText(drained, waiting)}`, ...serversStopped(servers)].join('\n'),
  );
}

function end(pid: number): void {
  try {
    if (isAlive(pid)) process.kill(pid, 'SIGTERM');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EPERM')
      throw new CommandError(`Process ${pid} belongs to another user. Stop it as that user, or as root.`);
    if (code !== 'ESRCH') throw error;
  }
}

/** Lines by reader: what was taken while it stopped, and what is left for the next start. */
interface Stopped {
  drained: Record<string, number>;
  waiting: Record<string, number>;
}

const stoppedFile = (dataDir: string) => join(dataDir, 'stopped.json');

/** Leaves for `down` what became of the lines that waited when the process was told to stop. */
export async function writeStopped(
  dataDir: string,
  before: Record<string, number>,
  waiting: Record<string, number>,
): Promise<void> {
  const drained = Object.fromEntries(
    Object.entries(before).map(([reader, lines]) => [reader, Math.max(0, lines - (waiting[reader] ?? 0))]),
  );
  const stopped = JSON.stringify({ pid: process.pid, drained, waiting });
  // A full disk must not keep the process from ending; "down" then says less.
  await writeFile(stoppedFile(dataDir), stopped, { mode: 0o600 }).catch(() => {});
}

async function readStopped(dataDir: string, pid: number): Promise<Stopped> {
  try {
    const found = JSON.parse(await readFile(stoppedFile(dataDir), 'utf8')) as Stopped & { pid: number };
    if (found.pid === pid) return found;
  } catch {
    // It was killed, or could not write it.
  }
  return { drained: {}, waiting: {} };
}

function linesText(drained: Record<string, number>, waiting: Record<string, number>): string {
  const list = (lines: Record<string, number>) =>
    Object.entries(lines)
      .filter(([, count]) => count > 0)
      .map(([reader, count]) => `${counted(count, 'line')} to ${reader}`)
      .join(', ');
  const [done, left] = [list(drained), list(waiting)];
  return `${done ? ` Drained ${done}.` : ''}${left ? ` Not drained: ${left}; the next start goes on with them.` : ''}`;
}

const serversStopped = (servers: string[]) =>
  servers.length > 0 ? [`Stopped the servers: ${servers.join(', ')}. Their data stay.`] : [];

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    // There is no such process.
    return false;
  }
  try {
    // A process that has ended stays in the table until its parent asks for it, which in a container may be never.
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    // It has ended since; or this system has no /proc, and only the signal tells.
    return !existsSync('/proc/self/stat');
  }
}
