import { readFile } from 'node:fs/promises';
import { LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { UsageError } from '../domain/errors.ts';
import { reasonOf } from '../domain/system-error.ts';
import { describeIssue } from './describe-issue.ts';

/**
 * Reads a YAML config and checks it with `schema`. `${NAME}` in a value stands for an environment variable. Every
 * mistake is named with its place in the file and what would be right; secrets are never shown.
 */
export async function loadConfig<T extends z.ZodType>(
  schema: T,
  file: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Promise<z.infer<T>> {
  if (file === undefined) return schema.parse({});
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError(`The config file ${file} can't be read: ${reasonOf(error)}.`);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: true });
  const broken = document.errors[0];
  // Only the first line: the rest shows the place in the file, and that may hold a secret.
  if (broken) throw new UsageError(`${file} is not valid YAML: ${broken.message.split('\n')[0]}`);
  const place = (path: readonly PropertyKey[]) => {
    for (let depth = path.length; depth > 0; depth--) {
      const node = document.getIn(path.slice(0, depth), true) as
        | { range?: [number, number, number] }
        | undefined;
      if (node?.range) return `${file}:${lines.linePos(node.range[0]).line}`;
    }
    return file;
  };
  const values = insertEnvironment(document.toJS() ?? {}, env, [], place);
  const result = schema.safeParse(values);
  if (result.success) return result.data;
  const problems = result.error.issues
    .flatMap((issue) => describeIssue(issue, schema, values))
    .map(({ path, text }) => `${place(path)}: ${text}`);
  throw new UsageError(
    `The config has ${problems.length === 1 ? 'a mistake' : 'mistakes'}:\n${problems.map((line) => `  ${line}`).join('\n')}`,
  );
}

function insertEnvironment(
  value: unknown,
  env: Readonly<Record<string, string | undefined>>,
  path: readonly PropertyKey[],
  place: (path: readonly PropertyKey[]) => string,
): unknown {
  if (typeof value === 'string') {
    return value.replace(/\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (_, name: string) => {
      const found = env[name];
      if (found === undefined) {
        throw new UsageError(
          `${place(path)}: ${path.join('.')} needs the environment variable ${name}, which is not set.`,
        );
      }
      return found;
    });
  }
  if (Array.isArray(value))
    return value.map((item, index) => insertEnvironment(item, env, [...path, index], place));
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, insertEnvironment(item, env, [...path, key], place)]),
    );
  }
  return value;
}
