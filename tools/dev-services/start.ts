import { mkdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '../../src/telemetry/system-error.ts';
import { ServiceError } from './failure.ts';
import { isFree } from './local-ports.ts';
import { isAlive, type ProcessId, type ProcessSpec, startProcess } from './processes.ts';
import { lastLines } from './programs.ts';
import type { Programs, Server, ServerSetup } from './server.ts';

const LOOK_MS = 100;
const LOG_LINES = 15;
const PORT_MS_MAX = 5000;

/**
 * Starts those processes of a server that are not alive, and waits until clients can work with it. `started` hears of
 * each process as soon as it exists.
 */
export async function startServer(
  server: Server,
  setup: ServerSetup,
  programs: Programs,
  running: Readonly<Record<string, ProcessId>>,
  started: (name: string, id: ProcessId) => void,
): Promise<void> {
  await mkdir(setup.dir, { recursive: true, mode: 0o700 });
  const ids = new Map(Object.entries(running).filter(([, id]) => isAlive(id)));
  const specs = server.processes(setup, programs);
  const missing = specs.filter(({ name }) => !ids.has(name));
  if (missing.length > 0) await server.prepare(setup, programs);
  for (const spec of missing) {
    await checkPorts(server, spec);
    const id = await startProcess(spec);
    ids.set(spec.name, id);
    started(spec.name, id);
  }
  await untilReady(server, setup, specs, ids);
  await server.furnish?.(setup);
}

async function checkPorts(server: Server, { name, ports }: ProcessSpec): Promise<void> {
  const deadline = Date.now() + PORT_MS_MAX;
  for (const port of ports) {
    // A process that was just killed may hold its ports for a moment more.
    while (!(await isFree(port)) && Date.now() < deadline) await sleep(LOOK_MS);
    if (await isFree(port)) continue;
    throw new ServiceError(
      `Port ${port} of 127.0.0.1, which ${server.title} (${name}) had before, is in use by another program. ` +
        'End that program, or give the server new ports with "services down NAME --remove-data", which removes its data.',
    );
  }
}

async function untilReady(
  server: Server,
  setup: ServerSetup,
  specs: readonly ProcessSpec[],
  ids: ReadonlyMap<string, ProcessId>,
): Promise<void> {
  const deadline = Date.now() + server.readyMsMax;
  for (;;) {
    // Who is alive after it answered is the one that answered, not another program that has taken its port.
    const waitsFor = await server.look(setup).catch((error: Error) => reasonOf(error));
    for (const spec of specs) {
      if (!isAlive(ids.get(spec.name)!))
        throw new ServiceError(`${server.title} ended while it was starting. ${await endOfLog(spec)}`);
    }
    if (waitsFor === null) return;
    if (Date.now() > deadline) {
      const logs = await Promise.all(specs.map(endOfLog));
      throw new ServiceError(
        `${server.title} is not ready after ${server.readyMsMax / 1000} s; it waits for: ${waitsFor}. ` +
          `It continues to start. Try again, or stop it with "services down".\n${logs.join('\n')}`,
      );
    }
    await sleep(LOOK_MS);
  }
}

async function endOfLog({ log }: ProcessSpec): Promise<string> {
  // It has written nothing.
  const text = await readFile(log, 'utf8').catch(() => '');
  return `The end of ${log}:\n${lastLines(text, LOG_LINES)}`;
}
