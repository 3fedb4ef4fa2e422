import { type CommonOptions, print, table } from './context.ts';
import { type LoadOptions, load } from './load.ts';

/** `map list`: the presets. */
export async function mapList(options: CommonOptions): Promise<void> {
  const { presetNames, readSpec } = await import('../mappings/read.ts');
  const presets = presetNames().map((name) => ({ name, description: readSpec(name, '').description ?? '' }));
  print(options, { presets }, () => table(presets));
}

/** `map show NAME`: the text of a preset, to begin one's own with. */
export async function mapShow(name: string, options: CommonOptions): Promise<void> {
  const { presetText } = await import('../mappings/read.ts');
  const text = presetText(name);
  print(options, { name, text }, () => text.trimEnd());
}

/** `map schema`: the JSON Schema of mappings, for editors. */
export async function mapSchema(options: CommonOptions): Promise<void> {
  const { mappingJsonSchema } = await import('../ingest/mapping/schema.ts');
  const schema = mappingJsonSchema();
  print(options, schema, () => JSON.stringify(schema, null, 2));
}

/** `map try FILE --map NAME`: what would come of it. */
export function mapTry(files: string[], options: LoadOptions): Promise<void> {
  return load(files, { ...options, dryRun: true });
}
