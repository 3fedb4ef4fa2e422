import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerConfig } from '../api/config.ts';
import type { LogWriter } from '../log/event-log.ts';
import { makeFolder } from '../system/make-folder.ts';
import { writeFileDurable } from '../system/write-durable.ts';
import { UsageError } from '../telemetry/errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import { dataDirError } from './data-dir.ts';
import { chosenOf } from './registry/adapters.ts';
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
export function storageChecks({ config, roles, adapters }: RuntimeConfig, logger: Logger): SettingsCheck[] {
  const checks: SettingsCheck[] = [];
  const log = chosenOf(adapters.logs, config.log);
  if (log.adapter.check)
    checks.push({
      part: 'log',
      settings: config.log,
      run: () => log.adapter.check!(log.settings, logger),
    });
  const archive = chosenOf(adapters.archives, config.archive);
  if (archive.adapter.check && (roles.has('archive') || roles.has('metrics')))
    checks.push({
      part: 'archive',
      settings: config.archive,
      run: () => archive.adapter.check!(archive.settings),
    });
  return checks;
}

/** Where the log takes shorter lines than the config allows. */
export function lineLimitWarning(
  { lineBytesMax }: LogWriter,
  { line_bytes_max: allowed }: ServerConfig,
): string[] {
  if (lineBytesMax === undefined || lineBytesMax >= allowed) return [];
  return [
    `Lines of more than ${lineBytesMax} bytes are rejected (line_too_long), though line_bytes_max is ${allowed}: ` +
      'the topic of the log takes no larger ones. Raise its max.message.bytes, or lower line_bytes_max.',
  ];
}

/** The checks of an engine on a cluster, and of stores outside of ours: a start does not need to reach them. */
export async function followerChecks(runtime: RuntimeConfig, logger: Logger): Promise<SettingsCheck[]> {
  const { config, dataDir, roles, adapters } = runtime;
  const { stores } = config;
  if (!roles.has('metrics')) return [];
  const sinks = await configuredSinks({ adapters, stores, dataDir, logger });
  const checks: SettingsCheck[] = sinks.map(({ name, sink }) => ({
    part: `store ${name}`,
    // In this order since 0.1.0: what has worked is known by a hash of the text.
    settings: { kind: name, ...stores.find(({ kind }) => kind === name) },
    run: () => sink.check(),
  }));
  const { adapter, settings } = chosenOf(adapters.engines, config.engine);
  const archive = chosenOf(adapters.archives, config.archive);
  if (adapter.check)
    checks.unshift({
      part: 'engine',
      settings: { kind: config.engine.kind, ...(adapter.decisive?.(settings) ?? settings) },
      run: () => adapter.check!(settings, archive.adapter.address(archive.settings, dataDir)),
    });
  return checks;
}

/** The settings with the programs that the engine needs, fetched where they are missing; `say` shows progress. */
export async function withEngine(
  runtime: RuntimeConfig,
  say: (line: string) => void,
): Promise<RuntimeConfig> {
  const { config, roles, adapters } = runtime;
  const { adapter, settings } = chosenOf(adapters.engines, config.engine);
  if (!adapter.prepare || !roles.has('metrics')) return runtime;
  const engine = { ...config.engine, ...(await adapter.prepare(settings, say)) };
  return { ...runtime, config: { ...config, engine } };
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
  const checks = (await followerChecks(runtime, logger)).map((check) => ({
    ...check,
    digest: createHash('sha256').update(JSON.stringify(check.settings)).digest('hex'),
  }));
  const unproven = checks.filter(({ part, digest }) => worked[part] !== digest);
  if (unproven.length === 0) return;
  const results = await Promise.allSettled(unproven.map(({ run }) => run()));
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  const unforeseen = failures.find((failure) => !(failure instanceof Error));
  if (unforeseen) throw unforeseen;
  if (failures.length > 0)
    throw new UsageError((failures as Error[]).map(({ message }) => message).join('\n'));
  try {
    makeFolder(runtime.dataDir, 0o700);
  } catch (error) {
    throw dataDirError(runtime.dataDir, error);
  }
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
