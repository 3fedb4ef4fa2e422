import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../../src/telemetry/errors.ts';
import type { Say } from './cache.ts';
import { ServiceError } from './failure.ts';
import { hdfs } from './hdfs.ts';
import { influxdb } from './influxdb.ts';
import { kafka } from './kafka.ts';
import { choosePorts } from './local-ports.ts';
import { withLock } from './lock.ts';
import { isAlive, type ProcessId, stopProcesses } from './processes.ts';
import { s3 } from './s3.ts';
import type { Connections, Programs, Server, ServerSetup, ServiceName } from './server.ts';
import { spark } from './spark.ts';
import { startServer } from './start.ts';
import { readState, type ServerState, type State, servicesDir, writeState } from './state.ts';
import { yarn } from './yarn.ts';

const SERVERS: { [Name in ServiceName]: Server<Name> } = { kafka, hdfs, influxdb, s3, spark, yarn };
const SERVICE_NAMES = Object.keys(SERVERS) as ServiceName[];

/** Most brokers of the Kafka that is started. */
export const BROKERS_MAX = 3;

/** The names of a list with commas; all where there is none. */
export function parseServiceNames(list: string | undefined): ServiceName[] {
  if (list === undefined) return SERVICE_NAMES;
  const names = list.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !Object.hasOwn(SERVERS, name));
  if (unknown !== undefined) {
    throw new UsageError(
      `There is no server "${unknown}". Use ${SERVICE_NAMES.join(', ')}, separated by commas.`,
    );
  }
  return SERVICE_NAMES.filter((name) => names.includes(name));
}

/** Brings what is needed to run the named servers, where it is not in the cache. */
export async function fetchServices(
  names: readonly ServiceName[],
  say: Say,
): Promise<Map<ServiceName, Programs>> {
  if (process.platform !== 'linux')
    throw new ServiceError(
      'The servers for trying out run on Linux only. Configure the addresses of your own servers.',
    );
  const programs = new Map<ServiceName, Programs>();
  // Most of the time is spent waiting for servers of packages, and for compilers: what different programs fetch goes side by side.
  const chains = [...Map.groupBy(names, (name) => SERVERS[name].fetchedBy).values()];
  const fetched = await Promise.allSettled(
    chains.map(async (chain) => {
      for (const name of chain) programs.set(name, await SERVERS[name].fetch(say));
    }),
  );
  const failure = fetched.find(({ status }) => status === 'rejected');
  if (failure) throw (failure as PromiseRejectedResult).reason;
  return programs;
}

/**
 * Makes the named servers run: what runs stays, what has ended is started again on its ports and data, what is new gets
 * ports, secrets and a folder. Resolves when clients can work with all of them, and gives what they need for that.
 */
export async function upServices(
  dataDir: string,
  names: readonly ServiceName[],
  options: { brokers?: number | undefined; say: Say },
): Promise<Partial<Connections>> {
  const { brokers, say } = options;
  const programs = await fetchServices(names, say);
  return exclusively(dataDir, say, async () => {
    const state = readState(dataDir);
    for (const name of names) {
      await setUp(state, name, name === 'kafka' ? brokers : undefined);
      state[name]!.programs = programs.get(name)!;
    }
    writeState(dataDir, state);
    const starts = names.map((name) => {
      const { processes } = state[name]!;
      const started = (process: string, id: ProcessId) => {
        say(`Starting ${SERVERS[name].title} (${process}) ...`);
        processes[process] = id;
        writeState(dataDir, state);
      };
      return startServer(
        SERVERS[name],
        setupOf(dataDir, name, state),
        programs.get(name)!,
        processes,
        started,
      );
    });
    // One that fails does not leave others half started.
    const failure = (await Promise.allSettled(starts)).find(({ status }) => status === 'rejected');
    if (failure) throw (failure as PromiseRejectedResult).reason;
    return Object.fromEntries(
      names.map((name) => [name, SERVERS[name].connection(state[name]!, dirOf(dataDir, name))]),
    );
  });
}

/** Chooses ports and secrets for a server that the data folder does not have yet. */
async function setUp(state: State, name: ServiceName, size: number | undefined): Promise<void> {
  const known = state[name];
  if (!known) {
    const server: Server = SERVERS[name];
    const ports = await choosePorts(server.portNames(size ?? 1));
    state[name] = { size: size ?? 1, ports, secrets: server.newSecrets(), processes: {} };
  } else if (size !== undefined && size !== known.size) {
    throw new UsageError(
      `Kafka was set up here with --brokers ${known.size}, which can't be changed. ` +
        'Begin from scratch with "services down kafka --remove-data", or use another data folder.',
    );
  }
}

/** Stops processes that `up` has started, and no others. Gives their names, as "server process (pid)". */
export async function downServices(
  dataDir: string,
  names: readonly ServiceName[],
  options: { removeData?: boolean | undefined; say: Say },
): Promise<string[]> {
  return exclusively(dataDir, options.say, async () => {
    const state = readState(dataDir);
    const known = names.filter((name) => state[name]);
    const stopped = known.flatMap((name) =>
      Object.entries(state[name]!.processes)
        .filter(([, id]) => isAlive(id))
        .map(([process, { pid }]) => `${name} ${process} (${pid})`),
    );
    await stopProcesses(known.flatMap((name) => Object.values(state[name]!.processes)));
    for (const name of known) {
      state[name]!.processes = {};
      if (!options.removeData) continue;
      await rm(dirOf(dataDir, name), { recursive: true, force: true });
      delete state[name];
    }
    if (known.length > 0) writeState(dataDir, state);
    return stopped;
  });
}

export interface ServiceStatus {
  /** dead: `up` has started it, and at least one of its processes has ended since. */
  state: 'running' | 'stopped' | 'dead';
  /** Null where it was never started on this data folder. */
  address: string | null;
  processes: { name: string; pid: number; alive: boolean }[];
  /** What clients need; null where it was never started. */
  connection: Connections[ServiceName] | null;
}

export function statusOfServices(
  dataDir: string,
  names: readonly ServiceName[],
): Partial<Record<ServiceName, ServiceStatus>> {
  const state = readState(dataDir);
  return Object.fromEntries(
    names.map((name) => [name, statusOf(SERVERS[name], state[name], dirOf(dataDir, name))]),
  );
}

function statusOf(server: Server, state: ServerState | undefined, dir: string): ServiceStatus {
  if (!state) return { state: 'stopped', address: null, processes: [], connection: null };
  const processes = Object.entries(state.processes).map(([name, id]) => ({
    name,
    pid: id.pid,
    alive: isAlive(id),
  }));
  const isStopped = processes.length === 0;
  return {
    state: isStopped ? 'stopped' : processes.every(({ alive }) => alive) ? 'running' : 'dead',
    address: server.address(state),
    processes,
    connection: server.connection(state, dir),
  };
}

const dirOf = (dataDir: string, name: ServiceName) => join(servicesDir(dataDir), name);

function setupOf(dataDir: string, name: ServiceName, state: State): ServerSetup {
  const { size, ports, secrets } = state[name]!;
  return { dir: dirOf(dataDir, name), size, ports, secrets };
}

function exclusively<T>(dataDir: string, say: Say, work: () => Promise<T>): Promise<T> {
  const onWait = () => say('Waiting for another "services" command on this data folder ...');
  return withLock(servicesDir(dataDir), onWait, work);
}
