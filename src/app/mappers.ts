import { existsSync } from 'node:fs';
import { dirname, extname, resolve } from 'node:path';
import type { Mapper } from '../ingest/mapper.ts';
import { mapperOf } from '../ingest/mapping/map-records.ts';
import { createModuleMapper } from '../ingest/mapping/module-mapper.ts';
import type { MappingSpec } from '../ingest/mapping/schema.ts';
import { presetNames, presetTexts, readMapping, readSpec } from '../ingest/mappings/read.ts';
import { ApiError, UsageError } from '../telemetry/errors.ts';
import { didYouMean } from '../telemetry/nearest.ts';
import type { RuntimeConfig } from './runtime-config.ts';

/** Endings of mappings that are programs. */
const MODULES = ['.ts', '.mts', '.js', '.mjs'];

const folderOf = (configFile: string | undefined) =>
  configFile === undefined ? process.cwd() : dirname(configFile);

/** The mapper with a name of the config, that of a preset, or in a file; files are from the folder of the config. Throws UsageError. */
export async function mapperNamed(
  name: string,
  { config, configFile }: Pick<RuntimeConfig, 'config' | 'configFile'>,
): Promise<Mapper> {
  const folder = folderOf(configFile);
  const given = config.mappings[name] ?? name;
  if (!MODULES.includes(extname(given))) return mapperOf(readMapping(given, folder));
  const file = resolve(folder, given);
  if (!existsSync(file)) throw new UsageError(`The mapping file ${given} does not exist.`);
  return createModuleMapper(given, file).catch((error: Error) => {
    throw new UsageError(`The mapping ${given} ${error.message}.`);
  });
}

/** Reads all mappings that the config names for sources and webhooks. Throws UsageError for the first that is wrong. */
export async function checkMappers(runtime: RuntimeConfig): Promise<void> {
  const { config, server } = runtime;
  const maps = [...config.sources, ...server.hooks].flatMap((each) => ('map' in each && each.map) || []);
  for (const name of new Set([...maps, ...Object.keys(config.mappings)])) await mapperNamed(name, runtime);
}

/** Gives mappers by the names that a request may say: those of the config and presets, no files. Each is read once. */
export class RequestMappers {
  readonly #runtime: RuntimeConfig;
  readonly #mappers = new Map<string, Mapper>();
  #texts: ReturnType<typeof presetTexts> | null = null;

  constructor(runtime: RuntimeConfig) {
    this.#runtime = runtime;
  }

  /** What people are told about the presets. */
  texts() {
    this.#texts ??= presetTexts();
    return this.#texts;
  }

  /** Names of the config, and the presets. */
  names(): string[] {
    return [...Object.keys(this.#runtime.config.mappings), ...presetNames()];
  }

  /** What the mapping says; null where it is a program. Throws ApiError for a name that is none. */
  spec(name: string): MappingSpec | null {
    this.#refuseUnknown(name);
    const { config, configFile } = this.#runtime;
    const given = config.mappings[name] ?? name;
    if (MODULES.includes(extname(given))) return null;
    return readSpec(given, folderOf(configFile));
  }

  #refuseUnknown(name: string): void {
    const known = this.names();
    if (known.includes(name)) return;
    throw new ApiError(
      'bad_request',
      `There is no mapping with this name.${didYouMean(name, known)} Use one of these: ${known.join(', ')}.`,
    );
  }

  /** Throws ApiError for a name that is none. */
  async get(name: string): Promise<Mapper> {
    const held = this.#mappers.get(name);
    if (held !== undefined) return held;
    this.#refuseUnknown(name);
    try {
      const mapper = await mapperNamed(name, this.#runtime);
      this.#mappers.set(name, mapper);
      return mapper;
    } catch (error) {
      if (error instanceof UsageError) throw new ApiError('bad_request', error.message);
      throw error;
    }
  }
}
