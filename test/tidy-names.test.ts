/** Names and ports: one concept has one name, and a port names no implementation and stays small. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parseSync } from '@swc/core';
import { files, none, places, ROOT, text } from './support/source-files.ts';

/** Most methods of one interface of a port. */
const METHODS_MAX = 6;

/** The interfaces that a file declares, with the number of methods that each adds. */
function methodsOf(source: string): { name: string; methods: number }[] {
  return parseSync(source, { syntax: 'typescript' }).body.flatMap((item) => {
    const declared = item.type === 'ExportDeclaration' ? item.declaration : item;
    if (declared.type !== 'TsInterfaceDeclaration') return [];
    const methods = declared.body.body.filter(({ type }) => type === 'TsMethodSignature').length;
    return [{ name: declared.id.value, methods }];
  });
}

describe('Names in code', () => {
  const code = files.filter(
    (file) =>
      /^(src|tools|web\/src|wasm|test|bench|scripts)\/.*\.tsx?$/.test(file) && !file.startsWith('test/tidy'),
  );
  /** Words of the glossary that have another name now, and what to say. */
  const OLD: readonly [wrong: RegExp, right: string][] = [
    [/\b\w*(Parsed(Batch|Lines)|BatchParser)\w*/, 'TypedBatch, TypedRows, BatchDecoder'],
    [/\b\w*ReaderLoop\w*/, 'ConsumerLoop'],
    [/\b#?hurry\w*/, 'flushNow'],
    [/\b#?settle\(|(?<!a)\bOffer\w*|\boffer(Piece)?\(/, 'waitUntilIdle, ingestWithRetry'],
    [
      /\b\w*(Books|Verdict|Closers|Frontier|BatchSpan)\b|\bfrontierMs\b|\bverdict\b|\bChangedPoint\b/,
      'counters, ValidationResult, AsyncDisposableStack, maxReceivedAt, OffsetRange',
    ],
    [
      /\b(class|interface|type) (\w*(Gate|Folder|Environment|Place|Refusal)|\w+(Shape|Fault|Refused|Failed))\b/,
      'pLimit, Compactor, RuntimeConfig, Schema, Location, Error',
    ],
    [
      /\b(hotFrom|dirtyWindows|countDirty|markDirty|foldGrown|foldRows)\w*|\.repair\(/,
      'open, invalidated, compact, recompute',
    ],
    [/\b(foreign\w*|anew)\b/, 'external; again, from scratch'],
  ];

  it('are those of the glossary', () => {
    none(
      OLD.flatMap(([wrong, right]) => places(code, wrong).map((found) => `${found}  -> ${right}`)),
      'One concept has one name:',
    );
    // Kafka's own setting is called so.
    none(
      places(
        code.filter((file) => !/kafka/i.test(file)),
        /linger/i,
      ),
      'Say batchDelay:',
    );
  });

  it('of error classes end in Error', () => {
    none(places(code, /\bclass (?!\w*Error\b)\w+ extends (\w*Error)\b/), 'An error class is named ...Error:');
  });
});

describe('Ports', () => {
  it('name no implementation', async () => {
    const layers = (await import(join(ROOT, '.dependency-cruiser.mjs'))) as { PORTS: readonly string[] };
    const port = new RegExp(`^src/(${layers.PORTS.join('|')})\\.ts$`);
    const ports = files.filter((file) => port.test(file) && !file.endsWith('.test.ts'));
    for (const name of [
      'archive/archive',
      'decode/batch',
      'log/event-log',
      'metrics/engine',
      'sinks/sink',
      'sources/source',
    ])
      assert.ok(ports.includes(`src/${name}.ts`), name);
    // "HTTP status" is what an event has.
    none(
      places(ports, /\b(DuckDB|Delta|Kafka|HTTP(?! status)|Spark|InfluxDB|HDFS|S3)\b/),
      'Say what every implementation does; what only one does belongs in its folder:',
    );
  });

  it(`have at most ${METHODS_MAX} methods in an interface of a port`, async () => {
    const layers = (await import(join(ROOT, '.dependency-cruiser.mjs'))) as { PORTS: readonly string[] };
    const port = new RegExp(
      `^src/(${[...layers.PORTS, 'archive/storage/storage', 'api/backend'].join('|')})\\.ts$`,
    );
    const counted = files
      .filter((file) => port.test(file) && !file.endsWith('.test.ts'))
      .flatMap((file) =>
        methodsOf(text(file)).map(({ name, methods }) => ({ at: `${file}: ${name}: ${methods}`, methods })),
      );
    assert.ok(counted.length > 30, 'The ports are found.');
    none(
      counted.filter(({ methods }) => methods > METHODS_MAX).map(({ at }) => at),
      'Cut it by who uses what; an interface that is all of them extends the parts:',
    );
  });

  it('promise nothing that an implementation can only refuse', () => {
    const code = files.filter((file) => /^src\/.*\.ts$/.test(file) && !file.endsWith('.test.ts'));
    none(
      places(code, /throw new \w+\(['"`][^'"`]*\b(not (implemented|supported|here|possible here))\b/i),
      'Cut the port, so that this implementation need not have the method:',
    );
  });
});
