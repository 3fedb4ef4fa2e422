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
      'Mapping that makes events of the records: a name in `mappings`, that of a preset, or a YAML file, from the folder of the config.',
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
    schema: z.strictObject({}).describe('The built-in store. It is always there; naming it changes nothing.'),
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
  compact_every_minutes: z.int().min(0).default(60).describe('How often small files are merged; 0: never.'),
  vacuum_retention_hours: z
    .number()
    .min(0)
    .default(168)
    .describe('How long files that no newer version of a table needs are kept for readers of an older one.'),
});

/** The whole config. Every setting is optional: the empty config is the embedded pipeline. */
export function configSchema(adapters: Adapters) {
  return z.strictObject({
    time_zone: z
      .string()
      .refine(isTimeZone, 'must be an IANA time zone, such as Europe/Berlin')
      .default('UTC')
      .describe('Time zone of the shop: days and date-only timestamps are in it.'),
    currency: currencyCode
      .optional()
      .describe(
        'Main currency of the shop, a code of ISO 4217 such as EUR: the page shows it first. Without it, the one with most orders.',
      ),
    currencies: z
      .array(currencyCode)
      .min(1)
      .max(200)
      .optional()
      .describe(
        'Currencies that the shop sells in: sales in others are a finding. Without it, more than 3 currencies are one.',
      ),
    log_level: z
      .enum(['debug', 'info', 'warn', 'error'])
      .default('info')
      .describe('Least level that is logged.'),
    sources: z.array(sourceSchema(adapters)).default([]).describe('Where events come from.'),
    mappings: z
      .record(
        z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, 'must be 1 to 64 of a-z, 0-9, _ and -'),
        z.string().min(1),
      )
      .default({})
      .describe('Mappings of your own: a name, and its YAML file, from the folder of the config.'),
    log: oneOfKinds<Chosen>(adapters.logs, 'segments').prefault({}),
    archive: oneOfKinds<Chosen>(adapters.archives, 'local').prefault({}),
    engine: oneOfKinds<Chosen & LocalSettings>(adapters.engines, 'duckdb').prefault({}),
    stores: z
      .array(oneOfKinds<Chosen>({ ...BUILT_IN, ...adapters.stores }))
      .default([])
      .describe('Where metrics are kept besides the built-in store.'),
    batch: z
      .strictObject({
        lines_max: z
          .int()
          .min(1000)
          .max(5_000_000)
          .default(500_000)
          .describe('Most lines that are read at a time.'),
        bytes_max: z
          .int()
          .min(1024 * 1024)
          .default(240 * 1024 * 1024)
          .describe('Most bytes that are read at a time; memory grows with it.'),
        archive_every_ms: z
          .int()
          .min(100)
          .default(5000)
          .describe(
            'How long rows are gathered before the archive commits, while a page or script looks, another store follows, or Spark or other processes read it; else six times as long. Shorter makes more, smaller files.',
          ),
        metrics_every_ms: z
          .int()
          .min(50)
          .default(700)
          .describe(
            'How long lines are gathered before the metrics take them, while a page or script looks at them or another store follows; else as long as for the archive.',
          ),
        gather_lines_max: z
          .int()
          .min(1)
          .default(100_000)
          .describe('With so many lines waiting a consumer takes them at once.'),
      })
      .prefault({})
      .describe('How the consumers of the log work.'),
    maintenance: maintenanceSchema.prefault({}).describe('Maintenance of the archive.'),
    housekeeping: maintenanceSchema.optional().describe('What `maintenance` was called in 0.1.0.'),
  });
}

/** The config with all adapters that there are. */
export const CONFIG_SCHEMA = configSchema(ADAPTERS);
/** The config as it was read; former names have become the ones of now. */
export type Config = Omit<z.infer<typeof CONFIG_SCHEMA>, 'housekeeping'>;
