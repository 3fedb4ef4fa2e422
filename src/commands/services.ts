import { ServiceError } from '../../tools/dev-services/failure.ts';
import type { ServiceName } from '../../tools/dev-services/server.ts';
import {
  BROKERS_MAX,
  downServices,
  fetchServices,
  parseServiceNames,
  statusOfServices,
  upServices,
} from '../../tools/dev-services/services.ts';
import { CommandError, type CommonOptions, dataDirOf, print, table } from './context.ts';
import { wholeNumberIfGiven } from './numbers.ts';
import { say } from './terminal.ts';

/** `services up`: runs real servers for trying out and for tests. */
export async function servicesUp(
  list: string | undefined,
  options: CommonOptions & { brokers?: string },
): Promise<void> {
  const names = parseServiceNames(list);
  const dataDir = dataDirOf(options);
  const brokers = wholeNumberIfGiven('--brokers', options.brokers, 1, BROKERS_MAX);
  const connections = await told(upServices(dataDir, names, { brokers, say }));
  print(options, connections, () => statusTable(dataDir, names));
}

/** `services fetch`: brings the programs, so that a later `up` needs no network. */
export async function servicesFetch(list: string | undefined, options: CommonOptions): Promise<void> {
  const names = parseServiceNames(list);
  await told(fetchServices(names, say));
  print(options, { fetched: names }, () => `In the cache: ${names.join(', ')}.`);
}

/** `services down`: stops them; their data stay, unless it is told to remove them. */
export async function servicesDown(
  list: string | undefined,
  options: CommonOptions & { removeData?: boolean },
): Promise<void> {
  const names = parseServiceNames(list);
  const dataDir = dataDirOf(options);
  const { removeData } = options;
  const stopped = await told(downServices(dataDir, names, { removeData, say }));
  print(options, { stopped, data_removed: removeData ?? false }, () => {
    const what = stopped.length > 0 ? `Stopped ${stopped.join(', ')}.` : 'None of them was running.';
    return removeData ? `${what} Removed their data.` : what;
  });
}

/** `services status`: which run, and where. */
export async function servicesStatus(list: string | undefined, options: CommonOptions): Promise<void> {
  const names = parseServiceNames(list);
  const dataDir = dataDirOf(options);
  const result = await told(async () => statusOfServices(dataDir, names));
  print(options, result, () => statusTable(dataDir, names));
}

/** Without secrets; --json has them. */
function statusTable(dataDir: string, names: ServiceName[]): string {
  return table(
    Object.entries(statusOfServices(dataDir, names)).map(([server, { state, address, processes }]) => ({
      server,
      state,
      address,
      processes:
        processes.map(({ name, pid, alive }) => `${name} ${alive ? pid : 'dead'}`).join(', ') || null,
    })),
  );
}

/** What servers fail with is for the user to fix: no stack trace. */
async function told<T>(work: Promise<T> | (() => Promise<T>)): Promise<T> {
  try {
    return await (typeof work === 'function' ? work() : work);
  } catch (error) {
    throw error instanceof ServiceError ? new CommandError(error.message) : error;
  }
}
