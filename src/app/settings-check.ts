import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerConfig } from '../api/config.ts';
import { archiveAddress, checkArchive } from '../archive/delta/location.ts';
import type { EventLog } from '../log/event-log.ts';
import { checkSpark, placesOf } from '../metrics/spark/index.ts';
import { writeFileDurable } from '../system/write-durable.ts';
import { UsageError } from '../telemetry/errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import { foundPrograms } from './engine-programs.ts';
import type { RuntimeConfig } from './runtime-config.ts';
import { configuredSinks } from './stores.ts';

/** A part outside of this process that the config names, and a way to try it that changes nothing there. */
export interface SettingsCheck {
  /** Name of the part, as in the status. */
  part: string;
  settings: object;
  /** Gives a sentence for people; rejects with one that says what is wrong and what to do. */
  run(): Promise<string>;
}

/** The checks of a log and an archive on servers, which are opened at each start anyway. */
export function storageChecks({ config, roles }: RuntimeConfig, logger: Logger): SettingsCheck[] {
  const { log, archive } = config;
  const checks: SettingsCheck[] = [];
  if (log.kind === 'kafka') {
    const { kind: _kind, ...kafka } = log;
    checks.push({
      part: 'log',
      settings: log,
      run: async () => (await import('../log/kafka/index.ts')).checkKafkaLog(kafka, logger),
    });
  }
  if (archive.kind !== 'local' && (roles.has('archive') || roles.has('measure')))
    checks.push({ part: 'archive', settings: archive, run: () => checkArchive(archive) });
  return checks;
}

/** Where the log takes shorter lines than the config allows. */
export function lineLimitWarning(
  { lineBytesMax }: EventLog,
  { line_bytes_max: allowed }: ServerConfig,
): string[] {
  if (lineBytesMax === undefined || lineBytesMax >= allowed) return [];
  return [
    `Lines of more than ${lineBytesMax} bytes are rejected (line_too_long), though line_bytes_max is ${allowed}: ` +
      'the topic of the log takes no larger ones. Raise its max.message.bytes, or lower line_bytes_max.',
  ];
}

/** The checks of an engine on a cluster, and of stores outside of ours: a start does not need to reach them. */
export function followerChecks({ config, dataDir, roles }: RuntimeConfig, logger: Logger): SettingsCheck[] {
  const { archive, engine, stores } = config;
  if (!roles.has('measure')) return [];
  const checks: SettingsCheck[] = configuredSinks(stores, { dataDir, logger }).map(({ name, sink }) => ({
    part: `store ${name}`,
    settings: stores.find(({ kind }) => kind === name)!,
    run: () => sink.check(),
  }));
  if (engine.kind === 'spark') {
    const { kind, master, python = '', hadoop_conf_dir = '', archive_url = '' } = engine;
    checks.unshift({
      part: 'engine',
      settings: { kind, master, python, hadoop_conf_dir, archive_url },
      run: async () => {
        placesOf(engine, archiveAddress(archive, dataDir));
        const ready = await foundPrograms(engine);
        return ready === null
          ? 'the Python with pyspark is not on this machine; a start fetches it (500 MB)'
          : checkSpark(ready);
      },
    });
  }
  return checks;
}

/** Reads the mappings that the config names, which need nothing from outside. Throws UsageError where one is wrong, or not there. */
export async function checkMappings(runtime: RuntimeConfig): Promise<void> {
  const { config, server } = runtime;
  const isNamed = [...config.sources, ...server.hooks].some(
    (each) => 'map' in each && each.map !== undefined,
  );
  if (isNamed || Object.keys(config.mappings).length > 0)
    await (await import('./mappers.ts')).checkMappers(runtime);
}

/**
 * Refuses settings that are wrong: what has never worked with these settings on this data folder must work now. What has
 * worked before may be away, and is then tried for as long as it takes. Throws UsageError with all that is wrong.
 */
export async function refuseWrongSettings(runtime: RuntimeConfig, logger: Logger): Promise<void> {
  const file = join(runtime.dataDir, 'settings-that-worked.json');
  const worked = readWorked(file);
  const checks = followerChecks(runtime, logger).map((check) => ({
    ...check,
    digest: createHash('sha256').update(JSON.stringify(check.settings)).digest('hex'),
  }));
  const unproven = checks.filter(({ part, digest }) => worked[part] !== digest);
  if (unproven.length === 0) return;
  const results = await Promise.allSettled(unproven.map(({ run }) => run()));
  const faults = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  const unforeseen = faults.find((fault) => !(fault instanceof Error));
  if (unforeseen) throw unforeseen;
  if (faults.length > 0) throw new UsageError((faults as Error[]).map(({ message }) => message).join('\n'));
  mkdirSync(runtime.dataDir, { recursive: true, mode: 0o700 });
  const all = Object.fromEntries(checks.map(({ part, digest }) => [part, digest]));
  await writeFileDurable(file, `${JSON.stringify(all, null, 2)}\n`, 0o600);
}

function readWorked(file: string): Record<string, string> {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
  } catch {
    // Missing or damaged: then all is checked.
    return {};
  }
}
