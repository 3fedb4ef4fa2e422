import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createKafkaSource } from './adapters/source/kafka/index.ts';
import { createPollSource } from './adapters/source/poll/index.ts';
import { createTailSource } from './adapters/source/tail/index.ts';
import { now } from './clock.ts';
import type { Logger } from './domain/logger.ts';
import type { Environment } from './environment.ts';
import { type NormalizeSettingsInput, sourceSettingsSchema } from './ingest/normalize-settings.ts';
import type { Ingest, IngestInput, Source } from './ports/source.ts';

const SOURCES = { poll: createPollSource, tail: createTailSource, kafka: createKafkaSource };

/** The sources of the config but http, which is the server itself. */
export function configuredSources(environment: Environment, ingest: Ingest, logger: Logger): Source[] {
  return environment.config.sources.flatMap((options): Source[] => {
    if (options.kind === 'http') return [];
    const stateDir = join(environment.dataDir, 'sources', options.name);
    mkdirSync(stateDir, { recursive: true });
    const { kind, ...own } = options;
    const [settings, rest] = splitSettings(own);
    const context = {
      ingest: (input: IngestInput) => ingest({ ...input, settings }),
      stateDir,
      log: logger,
      now,
      random: Math.random,
    };
    return [SOURCES[kind](rest as never, context)];
  });
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
