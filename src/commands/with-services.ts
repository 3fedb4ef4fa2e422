import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { Connections, ServiceName } from '../../tools/dev-services/server.ts';
import { downServices, parseServiceNames, upServices } from '../../tools/dev-services/services.ts';
import { dataDirError } from '../app/app.ts';
import { makeFolder } from '../system/make-folder.ts';
import { dataConfigFile } from '../system/own-files.ts';
import { writeFileDurable } from '../system/write-durable.ts';
import { UsageError } from '../telemetry/errors.ts';
import { CommandError } from './context.ts';
import { say } from './terminal.ts';

/** The first line of a config that we wrote, by which we know it again. */
const HEAD = '# Written by "up --with": the servers of "tillstream services" do their part of the work.';

/** What a server cannot work without: YARN keeps its files on HDFS. */
const NEEDS: Partial<Record<ServiceName, ServiceName>> = { yarn: 'hdfs' };
/** What `--with all` means: everything that works together. S3 is the other place for the archive. */
const ALL: readonly ServiceName[] = ['kafka', 'hdfs', 'yarn', 'spark', 'influxdb'];

/**
 * Starts servers for trying out, and writes the data folder's config so that the pipeline uses all of them: Kafka as the event
 * log, HDFS or S3 as the archive, Spark for the metrics, on YARN where that is named, InfluxDB as a store. Refuses to replace a
 * config that somebody else wrote, and to change where a data folder with events keeps them.
 */
export async function startWith(list: string, dataDir: string): Promise<void> {
  const names = serversOf(list);
  const file = dataConfigFile(dataDir);
  const before = existsSync(file) ? await readFile(file, 'utf8') : null;
  if (before !== null && !before.startsWith(HEAD))
    throw new UsageError(
      `--with writes its own config, and ${file} is yours. Move it away, or leave --with out.`,
    );
  refuseOtherPlaces(dataDir, before, names);
  try {
    makeFolder(dataDir, 0o700);
  } catch (error) {
    throw dataDirError(dataDir, error);
  }
  const connections = await upServices(dataDir, names, { say }).catch((error: Error) => {
    throw error instanceof UsageError ? error : new CommandError(error.message);
  });
  const text = `${HEAD}\n${stringify(configOf(connections))}`;
  await writeFileDurable(file, text, 0o600);
}

/** The servers to start for a list, with what they need; reports what is added or left out. */
function serversOf(list: string): ServiceName[] {
  const names = new Set(list.trim() === 'all' ? ALL : parseServiceNames(list));
  const add = (name: ServiceName, why: string) => {
    if (names.has(name)) return;
    names.add(name);
    say(`${why}: ${name} is started too.`);
  };
  if (names.has('yarn')) add('spark', 'YARN runs the work of Spark');
  for (const [name, needed] of Object.entries(NEEDS) as [ServiceName, ServiceName][])
    if (names.has(name)) add(needed, `${name} needs ${needed}`);
  if (names.has('hdfs') && names.has('s3') && !names.has('yarn'))
    throw new UsageError('--with accepts hdfs or s3, not both: there is one archive.');
  if (names.has('yarn')) {
    // It would hold memory and compute nothing.
    names.delete('spark');
    say('Spark runs on YARN; no separate cluster is started.');
  }
  return parseServiceNames([...names].join(','));
}

/** Those of the servers that the data folder's config does not use. */
export async function unusedServers(list: string, dataDir: string): Promise<ServiceName[]> {
  const file = dataConfigFile(dataDir);
  const config = existsSync(file) && (await isOwnConfig(file)) ? parse(await readFile(file, 'utf8')) : null;
  const used = {
    kafka: config?.log?.kind === 'kafka',
    hdfs: config?.archive?.kind === 'hdfs' || config?.engine?.master === 'yarn',
    yarn: config?.engine?.master === 'yarn',
    spark: config?.engine?.kind === 'spark',
    s3: config?.archive?.kind === 's3',
    influxdb: config?.stores?.length > 0,
  };
  return serversOf(list).filter((name) => !used[name]);
}

/** A data folder keeps its log and its archive: with others it would show less than it has, without a word. */
function refuseOtherPlaces(dataDir: string, before: string | null, names: readonly ServiceName[]): void {
  const hasRun = ['log', 'kafka-log'].some((folder) => existsSync(join(dataDir, folder)));
  if (!hasRun) return;
  const kinds = (config: Partial<Record<'log' | 'archive', { kind?: string }>>) => ({
    'event log': config.log?.kind ?? 'segments',
    archive: config.archive?.kind ?? 'local',
  });
  const had = kinds(before === null ? {} : (parse(before) ?? {}));
  const wanted = kinds({
    ...(names.includes('kafka') ? { log: { kind: 'kafka' } } : {}),
    ...(names.includes('s3') || names.includes('hdfs')
      ? { archive: { kind: names.includes('s3') ? 's3' : 'hdfs' } }
      : {}),
  });
  for (const part of ['event log', 'archive'] as const) {
    if (had[part] === wanted[part]) continue;
    throw new UsageError(
      `${dataDir} has its ${part} in ${had[part]}, but with these servers it would be in ${wanted[part]}, and existing data would not be shown. ` +
        'Use another data folder: set TILLSTREAM_DATA, or --data.',
    );
  }
}

/** Stops the servers that `startWith` has started; gives their names, none where it was not used. */
export async function stopWith(dataDir: string): Promise<string[]> {
  const file = dataConfigFile(dataDir);
  if (!existsSync(file) || !(await isOwnConfig(file))) return [];
  return downServices(dataDir, parseServiceNames(undefined), { say });
}

/** Whether `up --with` wrote the config. */
export async function isOwnConfig(file: string): Promise<boolean> {
  return (await readFile(file, 'utf8')).startsWith(HEAD);
}

function configOf({ kafka, hdfs, influxdb, s3, spark, yarn }: Partial<Connections>): object {
  const cluster = yarn ?? spark;
  return {
    ...(kafka ? { log: { kind: 'kafka', brokers: kafka.brokers, topic: 'ecommerce_logs' } } : {}),
    ...(hdfs && !s3
      ? { archive: { kind: 'hdfs', url: hdfs.url, path: '/ecommerce', user: 'tillstream' } }
      : {}),
    ...(s3 ? { archive: { kind: 's3', ...s3, prefix: 'ecommerce' } } : {}),
    ...(cluster ? { engine: { kind: 'spark', ...cluster } } : {}),
    ...(influxdb ? { stores: [{ kind: 'influxdb', ...influxdb }] } : {}),
  };
}
