import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import { UsageError } from '../../telemetry/errors.ts';
import { reasonOf } from '../../telemetry/system-error.ts';
import { checkYaml, type LineOf } from '../../yaml/check-yaml.ts';
import { pathText } from '../../yaml/path-text.ts';

/**
 * Reads a YAML config, or takes what such a file would hold, and checks it with `schema`. `${NAME}` in a value stands for an environment variable. Every
 * mistake is named with its place in the file and what would be right; secrets are never shown.
 */
export async function loadConfig<T extends z.ZodType>(
  schema: T,
  given: string | object | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Promise<z.infer<T>> {
  if (given === undefined) return schema.parse({});
  const file = typeof given === 'string' ? given : 'config';
  // JSON is YAML, so mistakes of an object are named the same way.
  const text = typeof given === 'string' ? await textOf(given) : JSON.stringify(given, null, 2);
  return checkYaml(schema, { file, text, title: 'The config' }, (values, lineOf) =>
    insertEnvironment(values, env, [], lineOf),
  );
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError(`The config file ${file} can't be read: ${reasonOf(error)}.`);
  }
}

function insertEnvironment(
  value: unknown,
  env: Readonly<Record<string, string | undefined>>,
  path: readonly PropertyKey[],
  lineOf: LineOf,
): unknown {
  if (typeof value === 'string') {
    return value.replace(/\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (_, name: string) => {
      const found = env[name];
      if (found === undefined) {
        throw new UsageError(
          `${lineOf(path)}: ${pathText(path)} needs the environment variable ${name}, which is not set.`,
        );
      }
      return found;
    });
  }
  if (Array.isArray(value))
    return value.map((item, index) => insertEnvironment(item, env, [...path, index], lineOf));
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, insertEnvironment(item, env, [...path, key], lineOf)]),
    );
  }
  return value;
}
