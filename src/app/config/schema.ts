import { z } from 'zod';
import { isTimeZone } from '../../event/time-zone.ts';

/** Schemas of the parts, handed in by app, which knows the adapters. */
export interface PartSchemas<
  S extends z.ZodType,
  L extends z.ZodType,
  A extends z.ZodType,
  E extends z.ZodType,
  T extends z.ZodType,
> {
  sources: S;
  log: L;
  archive: A;
  engine: E;
  store: T;
}

/** The whole config. Every setting is optional: the empty config is the embedded pipeline. */
export function configSchema<
  S extends z.ZodType,
  L extends z.ZodType,
  A extends z.ZodType,
  E extends z.ZodType,
  T extends z.ZodType,
>(parts: PartSchemas<S, L, A, E, T>) {
  return z.strictObject({
    time_zone: z
      .string()
      .refine(isTimeZone, 'must be an IANA time zone, such as Europe/Berlin')
      .default('UTC')
      .describe('Time zone of the shop: days and date-only timestamps are in it.'),
    currency: z
      .string()
      .regex(/^[A-Z]{3}$/, 'is not an ISO 4217 code, such as EUR')
      .optional()
      .describe('Main currency of the shop: the page shows it first. Without it, the one with most orders.'),
    currencies: z
      .array(z.string().regex(/^[A-Z]{3}$/, 'is not an ISO 4217 code, such as EUR'))
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
    sources: z.array(parts.sources).default([]).describe('Where events come from.'),
    mappings: z
      .record(
        z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, 'must be 1 to 64 of a-z, 0-9, _ and -'),
        z.string().min(1),
      )
      .default({})
      .describe('Mappings of your own: a name, and its YAML file, from the folder of the config.'),
    log: parts.log,
    archive: parts.archive,
    engine: parts.engine,
    stores: z.array(parts.store).default([]).describe('Where metrics are kept besides the built-in store.'),
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
          .default(1000)
          .describe(
            'How long lines are gathered before the metrics take them, while a page or script looks at them or another store follows; else as long as for the archive.',
          ),
        gather_lines_max: z
          .int()
          .min(1)
          .default(100_000)
          .describe('With so many lines waiting a reader takes them at once.'),
      })
      .prefault({})
      .describe('How the readers of the log work.'),
    housekeeping: z
      .strictObject({
        compact_every_minutes: z
          .int()
          .min(0)
          .default(60)
          .describe('How often small files are merged; 0: never.'),
        vacuum_retention_hours: z
          .number()
          .min(0)
          .default(168)
          .describe(
            'How long files that no newer version of a table needs are kept for readers of an older one.',
          ),
      })
      .prefault({})
      .describe('Care of the archive.'),
  });
}
