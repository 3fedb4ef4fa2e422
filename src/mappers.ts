import { dirname } from 'node:path';
import { ApiError, UsageError } from './domain/errors.ts';
import type { Environment } from './environment.ts';
import type { Mapper } from './ingest/mapper.ts';
import { mapperOf } from './ingest/mapping/map-records.ts';
import { presetNames, readMapping } from './mappings/read.ts';

/** The mapper with a name of the config, that of a preset, or in a file; files are from the folder of the config. Throws UsageError. */
export function mapperNamed(
  name: string,
  { config, configFile }: Pick<Environment, 'config' | 'configFile'>,
): Mapper {
  const folder = configFile === undefined ? process.cwd() : dirname(configFile);
  return mapperOf(readMapping(config.mappings[name] ?? name, folder));
}

/** Gives mappers by the names that a request may say: those of the config and presets, no files. Each is read once. */
export class RequestMappers {
  readonly #environment: Environment;
  readonly #mappers = new Map<string, Mapper>();

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** Throws ApiError for a name that is none. */
  get(name: string): Mapper {
    let mapper = this.#mappers.get(name);
    if (mapper !== undefined) return mapper;
    const own = Object.keys(this.#environment.config.mappings);
    const known = [...own, ...presetNames()];
    if (!known.includes(name))
      throw new ApiError(
        'bad_request',
        `There is no mapping of this name. The mappings: ${known.join(', ')}.`,
      );
    try {
      mapper = mapperNamed(name, this.#environment);
    } catch (error) {
      if (error instanceof UsageError) throw new ApiError('bad_request', error.message);
      throw error;
    }
    this.#mappers.set(name, mapper);
    return mapper;
  }
}
