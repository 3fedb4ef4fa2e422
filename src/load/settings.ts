import { ZodError } from 'zod';
import { LineValidator } from '../ingest/line-validator.ts';
import type { Mapper } from '../ingest/mapper.ts';
import { Normalizer } from '../ingest/normalize.ts';
import type { NormalizeSettingsInput } from '../ingest/normalize-settings.ts';
import { now } from '../system/clock.ts';
import { UsageError } from '../telemetry/errors.ts';
import type { InputOptions } from './inputs.ts';

/** What the user says about reading the files, besides the mapping. */
export interface ReadingOptions {
  format?: string;
  encoding?: string;
  delimiter?: string;
  columns?: string;
  timeZone?: string;
  dateOrder?: 'mdy' | 'dmy' | 'ymd';
  decimal?: '.' | ',';
  currency?: string;
}

/** What the shop has set for all that it reads. */
export interface ShopSettings {
  readonly timeZone: string;
  /** Its config names the zone. */
  readonly isZoneSet: boolean;
  /** Currencies that the shop sells in, where it has declared them. */
  readonly currencies: readonly string[] | undefined;
  readonly lineBytesMax: number;
}

/** How a load validates what it reads. */
export interface ValidatorSettings {
  normalize: NormalizeSettingsInput;
  /** The time zone is said for this load, by its mapping, or by the shop. */
  isZoneSet: boolean;
  /** Makes events of the records; without it they are events. */
  mapper: Mapper | undefined;
  /** Currencies that the shop sells in, where it has declared them. */
  currencies: readonly string[] | undefined;
  lineBytesMax: number;
}

/** A validator for one input. Throws an error for people where a setting is wrong. */
export function createValidator({
  normalize,
  isZoneSet,
  lineBytesMax,
}: Pick<ValidatorSettings, 'normalize' | 'isZoneSet' | 'lineBytesMax'>): LineValidator {
  return new LineValidator({
    normalizer: new Normalizer(normalize, { isZoneSet }),
    timeZone: normalize.time_zone ?? 'UTC',
    lineBytesMax,
    storedBytesMax: Number.POSITIVE_INFINITY,
    now,
  });
}

/** How the files are to be read. */
export function readOptionsOf(
  { format, encoding, delimiter, columns }: ReadingOptions,
  mapper: Mapper | undefined,
): InputOptions {
  return {
    ...mapper?.detecting,
    ...(format === undefined ? {} : { format }),
    ...(encoding === undefined ? {} : { encoding }),
    ...(delimiter === undefined ? {} : { delimiter }),
    ...(columns === undefined ? {} : { columns: columns.split(','), header: false }),
  };
}

/** How values are to be read. Throws UsageError where a setting is wrong. */
export function settingsOf(
  { timeZone, dateOrder, decimal, currency }: ReadingOptions,
  mapper: Mapper | undefined,
  shop: ShopSettings,
): ValidatorSettings {
  const settings = {
    mapper,
    isZoneSet: shop.isZoneSet || (timeZone ?? mapper?.settings.time_zone) !== undefined,
    normalize: {
      time_zone: shop.timeZone,
      ...mapper?.settings,
      // What is said of this load is about this load.
      ...(timeZone === undefined ? {} : { time_zone: timeZone }),
      ...(dateOrder === undefined ? {} : { date_order: dateOrder }),
      ...(decimal === undefined ? {} : { decimal }),
      ...(currency === undefined ? {} : { currency }),
    },
    currencies: shop.currencies,
    lineBytesMax: shop.lineBytesMax,
  };
  try {
    createValidator(settings);
  } catch (error) {
    throw new UsageError(
      error instanceof ZodError ? problemIn(error, settings.normalize) : (error as Error).message,
    );
  }
  return settings;
}

/** What is wrong with settings, in words that fit the command line and the page. */
function problemIn({ issues }: ZodError, given: Readonly<Record<string, unknown>>): string {
  const problems = issues.map(({ path, message }) => {
    const name = String(path[0]);
    return `The ${name.replaceAll('_', ' ')} "${String(given[name])}" ${message}.`;
  });
  return problems.join(' ');
}
