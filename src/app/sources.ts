import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DeclaredSource } from '../api/backend.ts';
import { type NormalizeSettingsInput, sourceSettingsSchema } from '../ingest/normalize-settings.ts';
import { createPollSource } from '../sources/poll/index.ts';
import type { Ingest, IngestRequest, Source } from '../sources/source.ts';
import { createTailSource } from '../sources/tail/index.ts';
import { now } from '../system/clock.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { ComponentStatus } from '../telemetry/status.ts';
import type { RuntimeConfig } from './runtime-config.ts';

const SOURCES = {
  poll: async () => createPollSource,
  tail: async () => createTailSource,
  // Its client takes long to load.
  kafka: async () => (await import('../sources/kafka/index.ts')).createKafkaSource,
};

/** The sources of the config but http, which is the server itself. */
export async function configuredSources(
  runtime: RuntimeConfig,
  ingest: Ingest,
  logger: Logger,
): Promise<Source[]> {
  const sources: Source[] = [];
  for (const options of runtime.config.sources) {
    if (options.kind === 'http') continue;
    const stateDir = join(runtime.dataDir, 'sources', options.name);
    mkdirSync(stateDir, { recursive: true });
    const { kind, map, ...own } = options;
    const mapper =
      map === undefined ? undefined : await (await import('./mappers.ts')).mapperNamed(map, runtime);
    const [settings, rest] = splitSettings(own);
    const context = {
      ingest: (input: IngestRequest) =>
        ingest({ ...input, settings, ...(mapper === undefined ? {} : { mapper }) }),
      ...(mapper === undefined ? {} : { detecting: mapper.detecting }),
      stateDir,
      log: logger,
      now,
      random: Math.random,
    };
    const create = await SOURCES[kind]();
    sources.push(create(rest as never, context));
  }
  return sources;
}

/** The sources of the config but http, with the state of those that run here. */
export function declaredSources({ config }: RuntimeConfig, running: readonly Source[]): DeclaredSource[] {
  return config.sources.flatMap((source) => {
    if (source.kind === 'http') return [];
    const status = running.find(({ name }) => name === source.name)?.status();
    const { name, kind, map = null } = source;
    return [
      { name, kind, of: readFrom(source), map, state: status?.state ?? null, message: status?.message ?? '' },
    ];
  });
}

/** What a source reads, without secrets: an address may have them in its parameters. */
function readFrom(source: Exclude<RuntimeConfig['config']['sources'][number], { kind: 'http' }>): string {
  if (source.kind === 'tail') return source.path;
  if (source.kind === 'kafka') return source.topic;
  const { origin, pathname } = new URL(source.url);
  return `${origin}${pathname}`;
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
function splitSettings(options: object): [NormalizeSettingsInput, object] {
  const isShared = ([name]: [string, unknown]) => name in sourceSettingsSchema.shape;
  const all = Object.entries(options);
  return [
    Object.fromEntries(all.filter(isShared)) as NormalizeSettingsInput,
    Object.fromEntries(all.filter((entry) => !isShared(entry))),
  ];
}
