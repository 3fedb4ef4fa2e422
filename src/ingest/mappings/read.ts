import { isUtf8 } from 'node:buffer';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { PRESETS_DIR } from '../../system/own-files.ts';
import { UsageError } from '../../telemetry/errors.ts';
import { didYouMean } from '../../telemetry/nearest.ts';
import { reasonOf } from '../../telemetry/system-error.ts';
import { checkYaml } from '../../yaml/check-yaml.ts';
import { compileMapping, type Mapping } from '../mapping/compile.ts';
import { mergeSpecs } from '../mapping/merge.ts';
import { type MappingSpec, mappingSchema } from '../mapping/schema.ts';

const YAML = ['.yaml', '.yml'];
/** Endings of files with records: somebody has given the file to load for the mapping. */
const DATA = /\.(?:csv|tsv|ndjson|jsonl|parquet|log|txt|xlsx?|zip|gz|zst|bz2)$/i;
const EXTENDS_MAX = 8;

/** Names of the presets, sorted. */
export function presetNames(): string[] {
  return readdirSync(PRESETS_DIR)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => basename(file, '.yaml'))
    .sort();
}

/** The presets, as far as people are told about them. */
export function presetTexts(): { name: string; description: string; connect: string }[] {
  return presetNames().map((name) => {
    const { description = '', connect = '' } = readSpec(name, PRESETS_DIR);
    return { name, description, connect };
  });
}

/** The text of a preset. Throws UsageError for a name that is none. */
export function presetText(name: string): string {
  if (!presetNames().includes(name)) throw unknownPreset(name);
  return readFileSync(join(PRESETS_DIR, `${name}.yaml`), 'utf8');
}

/**
 * The mapping with the name of a preset, or in a YAML file; paths are from `folder`. Throws UsageError that names each mistake with its place.
 */
export function readMapping(nameOrFile: string, folder: string): Mapping {
  const spec = readSpec(nameOrFile, folder, 0);
  try {
    return compileMapping(nameOrFile, spec);
  } catch (error) {
    throw new UsageError(`The mapping ${nameOrFile} ${(error as Error).message}.`);
  }
}

/** What a mapping says, with what it extends. */
export function readSpec(nameOrFile: string, folder: string, depth = 0): MappingSpec {
  if (depth > EXTENDS_MAX) throw new UsageError(`The mapping ${nameOrFile} extends itself.`);
  if (DATA.test(nameOrFile)) throw notMapping(nameOrFile);
  const isFile = nameOrFile.includes('/') || YAML.includes(extname(nameOrFile));
  const file = isFile ? resolve(folder, nameOrFile) : join(PRESETS_DIR, `${nameOrFile}.yaml`);
  const text = isFile ? textOf(nameOrFile, file) : presetText(nameOrFile);
  const spec = checkYaml(mappingSchema, {
    file: isFile ? nameOrFile : basename(file),
    text,
    title: 'The mapping',
  });
  if (spec.extends === undefined) return spec;
  return mergeSpecs(readSpec(spec.extends, dirname(file), depth + 1), spec);
}

function textOf(name: string, file: string): string {
  try {
    const bytes = readFileSync(file);
    // Names of columns with other letters would be found in no record.
    if (!isUtf8(bytes)) throw new UsageError(`The mapping ${name} is not UTF-8; save it as UTF-8.`);
    return bytes.toString();
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`The mapping ${name} can't be read: ${reasonOf(error)}.`);
  }
}

const notMapping = (file: string) =>
  new UsageError(
    `${file} is not a mapping. A mapping is the name of a preset ("tillstream map list"), or a YAML, TypeScript or JavaScript file. To load ${basename(file)}, name it as a file: tillstream load ${file}`,
  );

function unknownPreset(name: string): UsageError {
  const known = presetNames();
  const meant = didYouMean(name, known);
  const own = extname(name) === '' ? `, such as ./${name}.yaml` : '';
  return new UsageError(
    `There is no preset ${name}.${meant} Use one of these: ${known.join(', ')}. Your own mapping is a YAML, TypeScript or JavaScript file${own}.`,
  );
}
