/** The worked example of CONTRIBUTING.md: adapters that are in no list of the repository, from a file to a store. */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, it } from 'node:test';
import { ADAPTERS, openApp, readRuntimeConfig } from '../../src/app/app.ts';
import { createLogger } from '../../src/telemetry/pino-logger.ts';
import { quietLogger } from '../support/kafka.ts';
import { loadInto } from '../support/load-case.ts';
import { temporaryDir, until } from '../support/product.ts';
import { files, text } from '../support/source-files.ts';
import { articles } from './articles-metric.ts';
import { SHELVES, shelfSink } from './shelf-sink.ts';
import { tillNotes } from './till-format.ts';
import { tillSource } from './till-source.ts';

const NOTES = `# 2025-11-23T10:00:00Z sold mug 2 12.50 EUR
# 2025-11-23T10:05:00Z shown mug 1
# 2025-11-23T11:00:00Z sold cup 1 4.00 EUR
# 2025-11-23T12:00:00Z sold mug 3 12.50 EUR
# 2025-11-24T09:00:00Z sold mug 1 12.50 EUR
# today sold mug 1 12.50 EUR
`;

/** What is imported by more than its line of the registry, as it is more than one adapter. */
const EXCEPTIONS: Record<string, readonly string[]> = {
  // It also decodes, merges, and writes the Parquet files, whichever engine computes.
  'src/metrics/duckdb': ['src/app/processing.ts', 'src/app/read-parquet.ts', 'src/app/registry/engines.ts'],
  // These are told apart from lines of a log shipper.
  'src/ingest/formats/csv.ts': ['src/ingest/line-format.ts'],
  'src/ingest/formats/json-inside.ts': ['src/ingest/line-format.ts'],
  'src/ingest/formats/ndjson.ts': ['src/ingest/detect.ts', 'src/ingest/line-format.ts'],
  // A list that is polled is such an object.
  'src/ingest/formats/json-wrapper.ts': ['src/sources/poll/read-page.ts'],
  // Its columns are named by a line that a file may repeat.
  'src/ingest/formats/w3c-log.ts': ['src/ingest/line-format.ts'],
  // Its Python may have to be fetched.
  'src/metrics/spark': ['src/app/registry/spark-programs.ts'],
};

/** What there is, and the example's. */
const adapters = {
  ...ADAPTERS,
  sources: { ...ADAPTERS.sources, till: tillSource },
  stores: { ...ADAPTERS.stores, shelf: shelfSink },
  formats: [tillNotes, ...ADAPTERS.formats],
  metrics: [...ADAPTERS.metrics, articles],
};

async function open(data: string, file: string) {
  const config = {
    sources: [{ kind: 'till', file, map: join(import.meta.dirname, 'till.yaml') }],
    stores: [{ kind: 'shelf', shelf: data }],
  };
  const runtime = await readRuntimeConfig({ data, config }, {}, data, {}, adapters);
  const app = await openApp(runtime, quietLogger);
  await app.startStores();
  await app.startSources();
  return app;
}

describe('A source, a format, a mapping, a metric and a store that are in no list of ours', () => {
  it('carry a file to the store, with the right numbers, once', async () => {
    const data = temporaryDir();
    const file = join(temporaryDir(), 'notes.txt');
    writeFileSync(file, NOTES);
    const cursor = join(data, 'sources', 'till', 'cursor.json');
    for (const start of ['first', 'second']) {
      await using closing = new AsyncDisposableStack();
      const app = await open(data, file);
      closing.defer(async () => void (await app.close(5000)));
      await until(async () => existsSync(cursor), 'the source has read the file');
      await app.waitUntilIdle();
      assert.deepEqual(await app.storesCaughtUp(), {}, start);

      const { received, archive, balanced, by_source } = app.backend.ledger();
      assert.deepEqual([received, archive.events, archive.bad_rows, balanced], [6, 5, 1, true], start);
      assert.deepEqual(Object.keys(by_source), ['till']);
      assert.equal((await app.backend.badRows({ limit: 9 }))[0]?.reason, 'bad_timestamp');

      const range = { fromMs: Date.UTC(2025, 10, 23), toMs: Date.UTC(2025, 10, 25), window: '1d' } as const;
      const { rows } = await app.backend.query({ metric: 'articles', ...range });
      const found = rows.map((row) => [row.start, row.article, row.pieces]);
      assert.deepEqual(found, [
        ['2025-11-23T00:00:00Z', 'cup', 1],
        ['2025-11-23T00:00:00Z', 'mug', 5],
        ['2025-11-24T00:00:00Z', 'mug', 1],
      ]);
      const [revenue] = (await app.backend.query({ metric: 'revenue', ...range })).rows;
      assert.equal(revenue?.revenue, '66.5000', 'metrics of ours count the events too');

      const shelf = SHELVES.get(data)!;
      const pieces = [...shelf].flatMap(([key, row]) =>
        key.startsWith('articles ') ? [[key, row.pieces]] : [],
      );
      if (start === 'first')
        assert.deepEqual(Object.fromEntries(pieces), {
          'articles 1d 2025-11-23T00:00:00Z cup': 1,
          'articles 1d 2025-11-23T00:00:00Z mug': 5,
          'articles 1d 2025-11-24T00:00:00Z mug': 1,
        });
      const { parts, metrics } = app.backend.status();
      assert.equal(parts.shelf?.state, 'ready');
      assert.equal(parts['source till']?.state, 'ready');
      assert.ok(metrics.some(({ name }) => name === 'articles'));
      assert.match((await app.backend.metrics()).text, /tillstream_store_behind_seconds\{store="shelf"\} 0/);
      assert.equal(await app.sources()[0]!.check(), `${file} is there`);
    }
  });

  it('its format is read wherever bytes come in: from a request, and from a file that is loaded', async () => {
    const map = join(import.meta.dirname, 'till.yaml');
    const data = temporaryDir();
    const config = { sources: [{ kind: 'http', port: 0 }], mappings: { till: map } };
    const runtime = await readRuntimeConfig({ data, config }, {}, data, {}, adapters);
    // A server needs a whole logger.
    const app = await openApp(runtime, createLogger('fatal'));
    try {
      const { url } = await app.listen(temporaryDir(), 'token-of-the-owner');
      const answer = await fetch(`${url}/v1/events?map=till`, {
        method: 'POST',
        headers: { 'content-type': 'text/plain' },
        body: NOTES,
      });
      assert.equal(answer.status, 200);
      const { accepted, rejected } = (await answer.json()) as Record<string, unknown>;
      assert.deepEqual([accepted, rejected], [5, 1]);
    } finally {
      await app.close(5000);
    }
    const file = join(temporaryDir(), 'notes.txt');
    writeFileSync(file, NOTES);
    const loaded = await loadInto(temporaryDir(), [file], { map }, async (result) => result, adapters);
    assert.deepEqual([loaded.events, loaded.badRows, loaded.sent.inputs[0]?.format], [5, 1, 'till']);
    await assert.rejects(
      loadInto(temporaryDir(), [file], { map }, async () => null),
      /formats: /,
    );
  });

  it('are refused in a config where they are not among the adapters', async () => {
    const data = temporaryDir();
    for (const config of [
      { sources: [{ kind: 'till', file: 'x' }] },
      { stores: [{ kind: 'shelf', shelf: 'x' }] },
    ])
      await assert.rejects(readRuntimeConfig({ data, config }, {}, data), /kind can't be .* Use /);
  });
});

/** Files of `src` outside of the folder or file that import it. */
function importers(path: string): string[] {
  const target = path.endsWith('.ts') ? path : `${path}/`;
  return files.filter((file) => {
    if (!/^src\/.*\.ts$/.test(file) || file.endsWith('.test.ts') || file.startsWith(target)) return false;
    return [...text(file).matchAll(/(?:from |import\()'(\.[^']+)'/g)].some(([, specifier]) =>
      posix.join(posix.dirname(file), specifier!).startsWith(target),
    );
  });
}

describe('CONTRIBUTING.md', () => {
  const page = text('CONTRIBUTING.md');

  it('shows the files of the example as they are', () => {
    for (const name of ['till-format.ts', 'till.yaml', 'shelf-sink.ts', 'articles-metric.ts'])
      assert.ok(page.includes(text(`test/example/${name}`)), `${name} is not in CONTRIBUTING.md as it is`);
  });

  it('counts what an adapter touches: its folder, and one line of the registry', () => {
    const lists = {
      sources: 'sources',
      log: 'logs',
      'archive/storage': 'archives',
      metrics: 'engines',
      sinks: 'stores',
    };
    const folders = (stage: string) => [
      ...new Set(
        files.flatMap((file) => new RegExp(`^src/${stage}/([^/]+)/index\\.ts$`).exec(file)?.[1] ?? []),
      ),
    ];
    const counted = Object.entries(lists).flatMap(([stage, list]) =>
      folders(stage).map((folder) => {
        const line = new RegExp(`^export .* from '\\.\\./\\.\\./${stage}/${folder}/index\\.ts';$`, 'm');
        return { path: `src/${stage}/${folder}`, list: `src/app/registry/${list}.ts`, line };
      }),
    );
    assert.equal(counted.length, 11);
    for (const { path, list, line } of counted) {
      const expected = EXCEPTIONS[path] ?? [list];
      assert.deepEqual(importers(path).sort(), expected, path);
      if (expected.includes(list)) assert.match(text(list), line);
      assert.ok(page.includes(`\`${list.slice(4)}\``), list);
    }
  });

  it('counts what a format and a metric touch: a file, and a list', () => {
    for (const [folder, list] of [
      ['ingest/formats', 'ingest/formats/all.ts'],
      ['metrics/definitions', 'metrics/catalogue.ts'],
    ] as const) {
      const named = text(`src/${list}`).matchAll(/from '\.\/(?:definitions\/)?([a-z0-9-]+)\.ts'/g);
      for (const [, name] of named) {
        if (name === 'definition') continue;
        const path = `src/${folder}/${name}.ts`;
        // Formats share what they can.
        const others = importers(path).filter(
          (file) => file === `src/${list}` || !file.startsWith(`src/${folder}/`),
        );
        assert.deepEqual(others.sort(), [`src/${list}`, ...(EXCEPTIONS[path] ?? [])].sort(), path);
      }
      assert.ok(page.includes(`\`${list}\``), list);
    }
  });
});
