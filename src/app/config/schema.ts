import { z } from 'zod';
import { type ServerConfig, serverConfig } from '../../api/config.ts';
import { isTimeZone } from '../../event/time-zone.ts';
import { currencyCode, sourceSettingsSchema } from '../../ingest/normalize-settings.ts';
import type { LocalSettings } from '../../metrics/local-config.ts';
import { ADAPTERS, type Adapters, type Chosen } from '../registry/adapters.ts';
import { oneOfKinds } from './kinds.ts';

/** What every source of others' records takes: how they become events. */
const intakeSettings = {
  map: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Mapping that turns the records into events: a preset, a name in `mappings`, or a YAML file, relative to the folder of the config.',
    ),
  ...sourceSettingsSchema.shape,
};

/** The port for requests, which stands among the sources. */
export type HttpSourceConfig = ServerConfig & { kind: 'http' };

/** A source that goes and gets its records. */
export type SourceConfig = Chosen & { name: string; map?: string | undefined };

/** The built-in store. */
const BUILT_IN = {
  duckdb: {
    schema: z
      .strictObject({})
      .describe('The built-in store. It is always active; listing it changes nothing.'),
  },
};

/** Whether it is a store besides the built-in one. */
export const isOther = ({ kind }: Chosen): boolean => !(kind in BUILT_IN);

export const isHttp = (source: HttpSourceConfig | SourceConfig): source is HttpSourceConfig =>
  source.kind === 'http';

/** One of the sources. */
function sourceSchema(adapters: Adapters) {
  const kinds = Object.entries(adapters.sources).map(
    ([name, { schema }]) => [name, { schema: schema.safeExtend(intakeSettings) }] as const,
  );
  return oneOfKinds<HttpSourceConfig | SourceConfig>({
    http: { schema: serverConfig },
    ...Object.fromEntries(kinds),
  });
}

/** The settings of the server where the config has no source of kind http. */
export const defaultServer = (): ServerConfig => serverConfig.parse({});

const maintenanceSchema = z.strictObject({
  compact_every_minutes: z.int().min(0).default(60).describe('How often small files are merged. 0: never.'),
  vacuum_retention_hours: z
    .number()
    .min(0)
    .default(168)
    .describe(
      'How long files that only older versions of a table need are kept for readers of those versions.',
    ),
});

/** The whole config. Every setting is optional: the empty config is the embedded pipeline. */
export function configSchema(adapters: Adapters) {
  return z.strictObject({
    time_zone: z
      .string()
      .refine(isTimeZone, 'must be an IANA time zone, such as Europe/Berlin')
      .default('UTC')
      .describe('Time zone of the shop, for days and for timestamps that are only a date.'),
    currency: currencyCode
      .optional()
      .describe(
        'Main currency of the shop, an ISO 4217 code such as EUR. The page shows it first. Default: the one with the most orders.',
      ),
    currencies: z
      .array(currencyCode)
      .min(1)
      .max(200)
      .optional()
      .describe(
        'Currencies that the shop sells in. Sales in other currencies are reported as a finding. Default: more than 3 currencies are reported.',
      ),
    log_level: z
      .enum(['debug', 'info', 'warn', 'error'])
      .default('info')
      .describe('Lowest level that is logged.'),
    sources: z.array(sourceSchema(adapters)).default([]).describe('Where events come from.'),
    mappings: z
      .record(
        z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, 'must be 1 to 64 of a-z, 0-9, _ and -'),
        z.string().min(1),
      )
      .default({})
      .describe('Your own mappings: a name, and the YAML file, relative to the folder of the config.'),
    log: oneOfKinds<Chosen>(adapters.logs, 'segments').prefault({}).describe('The event log.'),
    archive: oneOfKinds<Chosen>(adapters.archives, 'local')
      .prefault({})
      .describe('Where the tables of the archive are.'),
    engine: oneOfKinds<Chosen & LocalSettings>(adapters.engines, 'duckdb')
      .prefault({})
      .describe('What computes the metrics.'),
    stores: z
      .array(oneOfKinds<Chosen>({ ...BUILT_IN, ...adapters.stores }))
      .default([])
      .describe('Further stores for the metrics, besides the built-in one.'),
    batch: z
      .strictObject({
        lines_max: z.int().min(1000).max(5_000_000).default(200_000).describe('Most lines read at a time.'),
        bytes_max: z
          .int()
          .min(1024 * 1024)
          .default(120 * 1024 * 1024)
          .describe(
            'Most bytes read at a time. More needs more memory, for two batches: the next one is decoded meanwhile.',
          ),
        archive_every_ms: z
          .int()
          .min(100)
          .default(5000)
          .describe(
            'How long rows are gathered before the archive commits, while a page, a script, another store, Spark or another process reads. Otherwise six times as long. A shorter time makes more and smaller files.',
          ),
        metrics_every_ms: z
          .int()
          .min(50)
          .default(700)
          .describe(
            'How long lines are gathered before they are added to the metrics, while a page, a script or another store reads them. Otherwise as long as for the archive.',
          ),
        gather_lines_max: z
          .int()
          .min(1)
          .default(100_000)
          .describe('If this many lines are waiting, they are processed at once.'),
      })
      .prefault({})
      .describe('How the consumers of the log work.'),
    maintenance: maintenanceSchema.prefault({}).describe('Maintenance of the archive.'),
    housekeeping: maintenanceSchema.optional().describe('Former name of `maintenance`, in 0.1.0.'),
  });
}

/** The config with all adapters that there are. */
export const CONFIG_SCHEMA = configSchema(ADAPTERS);
/** The config as it was read; former names have become the ones of now. */
export type Config = Omit<z.infer<typeof CONFIG_SCHEMA>, 'housekeeping'>;
