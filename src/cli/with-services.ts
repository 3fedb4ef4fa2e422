import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { stringify } from 'yaml';
import { dataConfigFile } from '../app.ts';
import { UsageError } from '../domain/errors.ts';
import { writeFileDurable } from '../files/write-durable.ts';
import type { Connections } from '../services/server.ts';
import { downServices, parseServiceNames, upServices } from '../services/services.ts';
import { CommandFailed } from './context.ts';

/** The first line of a config that we wrote, by which we know it again. */
const HEAD = '# Written by "up --with": the servers of "tillstream services" do their part of the work.';

const say = (line: string) => process.stderr.write(`${line}\n`);

/**
 * Starts servers for trying out, and writes the data folder's config so that the pipeline uses them: Kafka as the event log,
 * HDFS or S3 as the archive, InfluxDB as a store. Refuses to replace a config that somebody else wrote.
 */
export async function startWith(list: string, dataDir: string): Promise<void> {
  const names = parseServiceNames(list);
  if (names.includes('hdfs') && names.includes('s3'))
    throw new UsageError('--with takes hdfs or s3, not both: there is one archive.');
  const file = dataConfigFile(dataDir);
  if (existsSync(file) && !(await isOurs(file)))
    throw new UsageError(
      `--with writes its own config, and ${file} is yours. Move it away, or leave --with out.`,
    );
  await mkdir(dataDir, { recursive: true });
  const connections = await upServices(dataDir, names, { say }).catch((error: Error) => {
    throw error instanceof UsageError ? error : new CommandFailed(error.message);
  });
  const text = `${HEAD}\n${stringify(configOf(connections))}`;
  await writeFileDurable(file, text, 0o600);
}

/** Stops the servers that `startWith` has started; gives their names, none where it was not used. */
export async function stopWith(dataDir: string): Promise<string[]> {
  const file = dataConfigFile(dataDir);
  if (!existsSync(file) || !(await isOurs(file))) return [];
  return downServices(dataDir, parseServiceNames(undefined), { say });
}

async function isOurs(file: string): Promise<boolean> {
  return (await readFile(file, 'utf8')).startsWith(HEAD);
}

function configOf({ kafka, hdfs, influxdb, s3 }: Partial<Connections>): object {
  return {
    ...(kafka ? { log: { kind: 'kafka', brokers: kafka.brokers, topic: 'ecommerce_logs' } } : {}),
    ...(hdfs ? { archive: { kind: 'hdfs', url: hdfs.url, path: '/ecommerce', user: 'tillstream' } } : {}),
    ...(s3 ? { archive: { kind: 's3', ...s3, prefix: 'ecommerce' } } : {}),
    ...(influxdb ? { stores: [{ kind: 'influxdb', ...influxdb }] } : {}),
  };
}
