import type { MappingSpec } from './schema.ts';

/** A mapping that another one changes: what `changes` says replaces the same of `base`, field by field. */
export function mergeSpecs(base: MappingSpec, changes: MappingSpec): MappingSpec {
  const { extends: _extends, ...rest } = changes;
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  return { ...base, ...given, fields: { ...base.fields, ...changes.fields } };
}
