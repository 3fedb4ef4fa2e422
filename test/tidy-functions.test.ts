/** Functions that do more than one thing are long, so long ones are cut or have a reason. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseSync } from '@swc/core';
import { files, none, text } from './support/source-files.ts';

/** Most lines of a function, without the functions in it: a factory that returns small functions is not long. */
const LINES_MAX = 90;
/** File and name of a function that is longer, and why. */
const LONGER: Record<string, string> = {
  'tools/dashboards/pipeline-health.ts: glance': 'It is a list of panels.',
};

interface Counted {
  name: string;
  lines: number;
}

const KINDS = new Set([
  'FunctionDeclaration',
  'FunctionExpression',
  'ArrowFunctionExpression',
  'Constructor',
  'MethodProperty',
  'ClassMethod',
  'PrivateMethod',
]);

/** The functions of a source, with the lines that are theirs alone. */
function functionsOf(source: string, tsx = false): Counted[] {
  const bytes = Buffer.from(source);
  const counted: Counted[] = [];
  function visit(node: unknown, name: string, outer: Counted | null): void {
    if (typeof node !== 'object' || node === null) return;
    const { type, span, ...parts } = node as Record<string, never> & {
      type?: string;
      span?: { start: number; end: number };
    };
    const named = nameOf(parts) ?? name;
    let own = outer;
    if (type !== undefined && span && KINDS.has(type)) {
      // The places of swc are of bytes, and begin with 1.
      const lines = bytes.toString('utf8', span.start - 1, span.end - 1).split('\n').length;
      own = { name: named, lines };
      if (outer && lines > 1) outer.lines -= lines;
      counted.push(own);
    }
    for (const part of Object.values(parts)) visit(part, named, own);
  }
  visit(parseSync(source, { syntax: 'typescript', tsx }).body, '', null);
  return counted;
}

/** What a declaration, a method or a member is called. */
function nameOf(parts: Record<string, { type?: string; value?: unknown; id?: { value?: unknown } }>) {
  const named = parts.identifier ?? parts.id ?? parts.key;
  const name = named?.value ?? named?.id?.value;
  return typeof name === 'string' ? name : undefined;
}

describe('Functions', () => {
  it('are counted without the functions in them', () => {
    const source = [
      '/** An ö before it. */',
      'export function outer() {',
      '  const inner = () => {',
      '    return 1;',
      '  };',
      '  return { inner };',
      '}',
    ].join('\n');
    assert.deepEqual(functionsOf(source), [
      { name: 'outer', lines: 3 },
      { name: 'inner', lines: 3 },
    ]);
  });

  it(`have at most ${LINES_MAX} lines of their own`, () => {
    const code = files.filter(
      (file) => /^(src|tools|web\/src|wasm|scripts)\/.*\.tsx?$/.test(file) && !file.endsWith('.test.ts'),
    );
    const counted = code.flatMap((file) =>
      functionsOf(text(file), file.endsWith('x')).map(({ name, lines }) => ({
        at: `${file}: ${name}`,
        lines,
      })),
    );
    assert.ok(counted.length > 5000, 'The functions are found.');
    const long = counted.filter(({ lines }) => lines > LINES_MAX);
    none(
      long.filter(({ at }) => !LONGER[at]).map(({ at, lines }) => `${at}: ${lines} lines`),
      'Cut these into parts that each do one thing:',
    );
    none(
      Object.keys(LONGER).filter((each) => !long.some(({ at }) => at === each)),
      'These need no exception:',
    );
  });
});
