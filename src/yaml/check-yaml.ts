import {
  type Document,
  type ErrorCode,
  isMap,
  isScalar,
  LineCounter,
  parseDocument,
  visit,
  type YAMLParseError,
} from 'yaml';
import type { z } from 'zod';
import { UsageError } from '../telemetry/errors.ts';
import { describeIssue } from './describe-issue.ts';

/** The line where a value stands, as `file:line`. */
export type LineOf = (path: readonly PropertyKey[]) => string;

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
  prepare: (values: unknown, lineOf: LineOf) => unknown = (values) => values,
): z.infer<T> {
  const lines = new LineCounter();
  // Its warnings would go to stderr, past the program's own messages.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: true, logLevel: 'error' });
  const broken = document.errors[0];
  if (broken) throw new UsageError(`${file} is not valid YAML: ${wordsOf(broken)}.`);
  // `null: [...]` is a setting.
  visit(document, {
    Pair(_, { key }) {
      if (isScalar(key) && key.value === null && key.source === 'null') key.value = 'null';
    },
  });
  const lineOf: LineOf = (path) => {
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
  const values = prepare(valuesOf(document, file) ?? {}, lineOf);
  const result = schema.safeParse(values);
  if (result.success) return result.data;
  const problems = result.error.issues
    .flatMap((issue) => describeIssue(issue, schema, values))
    .map(({ path, text: problem }) => `${lineOf(path)}: ${problem}`);
  throw new UsageError(
    `${title} has ${problems.length === 1 ? 'a mistake' : 'mistakes'}:\n${problems.map((line) => `  ${line}`).join('\n')}`,
  );
}

/** What the parser says in the language of parsers, for people. */
const WORDS: Partial<Record<ErrorCode, string>> = {
  BLOCK_AS_IMPLICIT_KEY:
    'found a name with a value where a value was expected; a text with ": " in it needs quotes',
  DUPLICATE_KEY: 'a name stands there a second time',
  MULTIPLE_DOCS: 'a second document begins (---), and only one is read',
  TAB_AS_INDENT: 'tabs cannot indent a line; use spaces',
};

/** What is wrong, and where. The text of the file that the parser shows may hold a secret. */
function wordsOf({ code, message, linePos }: YAMLParseError): string {
  const words = WORDS[code] ?? message.split('\n')[0]!.replace(/(?: at line \d+, column \d+)?[:.]?$/, '');
  const at = linePos?.[0];
  return at === undefined ? words : `${words} (line ${at.line}, column ${at.col})`;
}

/** The values of a document. Names that stand for one another a thousand times over are a mistake, or an attack. */
function valuesOf(document: Document, file: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    const { message } = error as Error;
    const words = /excessive alias/i.test(message)
      ? 'its aliases (*name) expand to too many values'
      : message;
    throw new UsageError(`${file} is not valid YAML: ${words}.`);
  }
}
