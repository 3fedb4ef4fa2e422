import { z } from 'zod';
import { didYouMean } from '../telemetry/nearest.ts';
import { alternatives } from '../telemetry/words.ts';
import { pathText } from './path-text.ts';

type Issue = z.core.$ZodIssue;
type JsonSchema = z.core.JSONSchema.BaseSchema;

/** What is wrong with one value of the config, in words; never with the value, which may be a secret. One text for each mistake. */
export function describeIssue(
  issue: Issue,
  schema: z.ZodType,
  values: unknown,
): { path: PropertyKey[]; text: string }[] {
  const name = nameOf(issue.path);
  if (issue.code === 'unrecognized_keys') {
    const known = settingsAt(schema, issue.path, values);
    return issue.keys.map((key) => ({
      path: [...issue.path, key],
      text: `${nameOf([...issue.path, key])} is not a setting.${didYouMean(key, known) || listed(known)}`,
    }));
  }
  if (issue.code === 'invalid_union' && 'discriminator' in issue) {
    const found = (valueAt(values, issue.path.slice(0, -1)) as Record<string, unknown> | undefined)?.kind;
    const kinds = kindsAt(schema, issue.path.slice(0, -1), values);
    const text =
      found === undefined
        ? `${name} is missing: use ${alternatives(kinds)}.`
        : `${name} can't be ${JSON.stringify(found)}.${didYouMean(String(found), kinds)} Use ${alternatives(kinds)}.`;
    return [{ path: [...issue.path], text }];
  }
  const value = valueAt(values, issue.path);
  // A mark such as a comma is like any other.
  const known =
    issue.code === 'invalid_value' ? issue.values.map(String).filter((each) => each.length > 1) : [];
  const meant = typeof value === 'string' ? didYouMean(value, known) : '';
  return [{ path: [...issue.path], text: `${name} ${problemOf(issue, value).replace(/\.+$/, '')}.${meant}` }];
}

const TYPES: Record<string, string> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'settings (name: value)',
  record: 'names with values',
};

function problemOf(issue: Issue, value: unknown): string {
  switch (issue.code) {
    case 'invalid_type':
      return wrongType(value, [issue.expected]);
    case 'too_small':
    case 'too_big': {
      const limit = issue.code === 'too_small' ? issue.minimum : issue.maximum;
      const than = issue.code === 'too_small' ? 'at least' : 'at most';
      const of = issue.origin === 'string' ? 'characters' : issue.origin === 'array' ? 'entries' : '';
      if (of && issue.code === 'too_small' && limit === 1) return 'must not be empty';
      return of ? `must have ${than} ${limit} ${of}` : `must be ${than} ${limit}`;
    }
    case 'invalid_value':
      return `must be ${alternatives(issue.values.map(String))}`;
    case 'invalid_key':
      return issue.issues[0]?.message ?? issue.message;
    case 'invalid_union':
      return problemOfUnion(issue, value);
    case 'invalid_format':
      if (issue.format === 'url') return 'must be an address that begins with http:// or https://';
      return issue.message;
    default:
      return issue.message;
  }
}

/** Of several types a value may have, none fits; or one does, and then its own problem is the one to name. */
function problemOfUnion({ errors }: z.core.$ZodIssueInvalidUnion, value: unknown): string {
  const own = errors.flat().filter(({ path }) => path.length === 0);
  const types = own.flatMap((issue) => (issue.code === 'invalid_type' ? [issue.expected] : []));
  const isOfOther = types.length === errors.length;
  const fitting = errors.find(
    (issues) => !issues.some(({ code, path }) => code === 'invalid_type' && path.length === 0),
  );
  if (isOfOther || fitting?.[0] === undefined) return wrongType(value, types);
  return problemOf(fitting[0], fitting[0].path.reduce<unknown>(valueIn, value));
}

function wrongType(value: unknown, expected: readonly string[]): string {
  if (value === undefined) return 'is missing';
  const wanted = expected.map((type) => TYPES[type] ?? type).join(', or ');
  if (value === null) return `is empty, and must be ${wanted}`;
  return `must be ${wanted}, not ${typeOf(value)}`;
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value !== 'number') return TYPES[typeof value] ?? typeof value;
  return Number.isFinite(value) ? (Number.isInteger(value) ? 'a number' : 'a fraction') : '.nan or .inf';
}

const valueIn = (value: unknown, key: PropertyKey) =>
  (value as Record<PropertyKey, unknown> | null | undefined)?.[key];

const nameOf = (path: readonly PropertyKey[]) => pathText(path) || 'the file';
const listed = (known: readonly string[]) =>
  known.length > 0 ? ` Use one of these settings: ${known.join(', ')}.` : '';

function valueAt(values: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(valueIn, values);
}

/** Names of the settings at a place of the config. */
function settingsAt(schema: z.ZodType, path: readonly PropertyKey[], values: unknown): string[] {
  return schemasAt(schema, path, values).flatMap(({ properties }) => Object.keys(properties ?? {}));
}

/** Kinds that may stand at a place of the config. */
function kindsAt(schema: z.ZodType, path: readonly PropertyKey[], values: unknown): string[] {
  const at = schemasAt(schema, path, values, true);
  return at.flatMap(({ properties }) => {
    const kind = properties?.kind;
    return typeof kind === 'object' && kind.const !== undefined ? [String(kind.const)] : [];
  });
}

/** The JSON Schemas that describe a place: of several kinds the one that the values name, or all of them. */
function schemasAt(
  schema: z.ZodType,
  path: readonly PropertyKey[],
  values: unknown,
  allKinds = false,
): JsonSchema[] {
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
  let found = [json];
  let value = values;
  const ofKind = (all: JsonSchema[], at: unknown) => {
    const alternatives = all.flatMap((each) => (each.anyOf ?? each.oneOf ?? [each]) as JsonSchema[]);
    const kind = (at as { kind?: unknown } | undefined)?.kind;
    const named = alternatives.filter(({ properties }) => {
      const of = properties?.kind;
      return typeof of === 'object' && of.const === kind;
    });
    return named.length > 0 ? named : alternatives;
  };
  for (const key of path) {
    value = (value as Record<PropertyKey, unknown> | undefined)?.[key];
    found = found.flatMap((each) => {
      // One thing may stand for a list of it.
      const one = (typeof key === 'number' ? each : (each.items ?? each)) as JsonSchema;
      const next =
        typeof key === 'number' ? each.items : (one.properties?.[String(key)] ?? one.additionalProperties);
      return typeof next === 'object' && !Array.isArray(next) ? [next as JsonSchema] : [];
    });
    const isLast = key === path.at(-1);
    found =
      allKinds && isLast
        ? found.flatMap((each) => (each.anyOf ?? each.oneOf ?? [each]) as JsonSchema[])
        : ofKind(found, value);
  }
  return found;
}
