import { type Document, isMap, isScalar, LineCounter, parseDocument, visit } from 'yaml';
import type { z } from 'zod';
import { UsageError } from '../telemetry/errors.ts';
import { describeIssue } from './describe-issue.ts';

/** Where a value stands, as `file:line`. */
export type PlaceOf = (path: readonly PropertyKey[]) => string;

export interface YamlFile {
  /** Its name, for messages. */
  readonly file: string;
  readonly text: string;
  /** What it is, as a sentence begins: "The config". */
  readonly title: string;
}

/**
 * Reads YAML and checks it with `schema`; `prepare` may change the values before. Every mistake is named with its place in the file and what
 * would be right; values, which may be secret, are never shown. Throws UsageError.
 */
export function checkYaml<T extends z.ZodType>(
  schema: T,
  { file, text, title }: YamlFile,
  prepare: (values: unknown, place: PlaceOf) => unknown = (values) => values,
): z.infer<T> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: true });
  const broken = document.errors[0];
  // Only the first line: the rest shows the place in the file, and that may hold a secret.
  if (broken) throw new UsageError(`${file} is not valid YAML: ${broken.message.split('\n')[0]}`);
  // `null: [...]` is a setting.
  visit(document, {
    Pair(_, { key }) {
      if (isScalar(key) && key.value === null && key.source === 'null') key.value = 'null';
    },
  });
  const place: PlaceOf = (path) => {
    for (let depth = path.length; depth > 0; depth--) {
      const around = depth === 1 ? document.contents : document.getIn(path.slice(0, depth - 1), true);
      const name = path[depth - 1];
      // The name of a setting stands in the line above what it has.
      const key = isMap(around)
        ? around.items.find(({ key: each }) => isScalar(each) && String(each.value) === String(name))?.key
        : document.getIn(path.slice(0, depth), true);
      const range = (key as { range?: [number, number, number] } | undefined)?.range;
      if (range) return `${file}:${lines.linePos(range[0]).line}`;
    }
    return file;
  };
  const values = prepare(valuesOf(document, file) ?? {}, place);
  const result = schema.safeParse(values);
  if (result.success) return result.data;
  const problems = result.error.issues
    .flatMap((issue) => describeIssue(issue, schema, values))
    .map(({ path, text: problem }) => `${place(path)}: ${problem}`);
  throw new UsageError(
    `${title} has ${problems.length === 1 ? 'a mistake' : 'mistakes'}:\n${problems.map((line) => `  ${line}`).join('\n')}`,
  );
}

/** The values of a document. Names that stand for one another a thousand times over are a mistake, or an attack. */
function valuesOf(document: Document, file: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    throw new UsageError(`${file} is not valid YAML: ${(error as Error).message}.`);
  }
}
