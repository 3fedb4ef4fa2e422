import { join } from 'node:path';
import type { DeclaredSource } from '../api/backend.ts';
import { type NormalizeSettingsInput, sourceSettingsSchema } from '../ingest/normalize-settings.ts';
import type { Ingest, IngestRequest, Source } from '../sources/source.ts';
import { now } from '../system/clock.ts';
import { makeFolder } from '../system/make-folder.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { ComponentStatus } from '../telemetry/status.ts';
import { isHttp, type SourceConfig } from './config/schema.ts';
import { type Adapters, chosenOf } from './registry/adapters.ts';
import type { RuntimeConfig } from './runtime-config.ts';

/** The sources of the config but http, which is the server itself. */
export async function configuredSources(
  runtime: RuntimeConfig,
  ingest: Ingest,
  logger: Logger,
): Promise<Source[]> {
  const { adapters } = runtime;
  const sources: Source[] = [];
  for (const options of runtime.config.sources) {
    if (isHttp(options)) continue;
    const stateDir = join(runtime.dataDir, 'sources', options.name);
    makeFolder(stateDir);
    const { map, ...own } = options;
    const { adapter, settings: all } = chosenOf(adapters.sources, own);
    const mapper =
      map === undefined ? undefined : await (await import('./mappers.ts')).mapperNamed(map, runtime);
    const [settings, rest] = splitSettings(all);
    const context = {
      ingest: (input: IngestRequest) =>
        ingest({ ...input, settings, ...(mapper === undefined ? {} : { mapper }) }),
      detecting: { ...mapper?.detecting, formats: adapters.formats },
      stateDir,
      log: logger,
      now,
      random: Math.random,
    };
    sources.push(await adapter.create(rest, context));
  }
  return sources;
}

/** The sources of the config but http, with the state of those that run here. */
export function declaredSources(
  { config, adapters }: RuntimeConfig,
  running: readonly Source[],
): DeclaredSource[] {
  return config.sources.flatMap((source) => {
    if (isHttp(source)) return [];
    const status = running.find(({ name }) => name === source.name)?.status();
    const { name, kind, map = null } = source;
    return [
      {
        name,
        kind,
        of: readFrom(source, adapters),
        map,
        state: status?.state ?? null,
        message: status?.message ?? '',
      },
    ];
  });
}

/** What a source reads, without secrets. */
function readFrom({ map: _map, ...source }: SourceConfig, adapters: Adapters): string {
  const { adapter, settings } = chosenOf(adapters.sources, source);
  return adapter.reads(settings);
}

/** Sources as parts of the status. */
export function sourceComponents(sources: readonly Source[]): Record<string, ComponentStatus> {
  return Object.fromEntries(
    sources.map((source) => {
      const { state, message } = source.status();
      return [`source ${source.name}`, { state, message, needed: false }];
    }),
  );
}

/** What sources have counted, for Prometheus. */
export function sourceCounters(
  sources: readonly Source[],
): { source: string; counter: string; value: number }[] {
  return sources.flatMap((source) =>
    Object.entries(source.status().counters).map(([counter, value]) => ({
      source: source.name,
      counter,
      value,
    })),
  );
}

/** The settings that say how values are read, and those of the source itself. */
function splitSettings(options: object): [NormalizeSettingsInput, Record<string, unknown>] {
  const isShared = ([name]: [string, unknown]) => name in sourceSettingsSchema.shape;
  const all = Object.entries(options);
  return [
    Object.fromEntries(all.filter(isShared)) as NormalizeSettingsInput,
    Object.fromEntries(all.filter((entry) => !isShared(entry))),
  ];
}
