/** Every block of the docs is typed by a test, checked, or listed here with the reason why not; and every page is in the index. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { CONFIG_SCHEMA } from '../../../src/app/app.ts';
import { mappingSchema } from '../../../src/ingest/mapping/schema.ts';
import { checkYaml } from '../../../src/yaml/check-yaml.ts';
import { blocksOf, fileOf, notTyped, stepsOf } from '../../support/docs-page.ts';
import { PROJECT_DIR } from '../../support/product.ts';
import { TYPED } from './typed.ts';

const pages = ['README.md', ...globSync('docs/*.md', { cwd: PROJECT_DIR })].sort();

/** Blocks that no test types: how many of a page are for what other machine or program. */
const NOT_TYPED: Record<string, Record<string, number>> = {
  'README.md': { './test.sh, which runs this test': 1 },
  'docs/architecture.md': { 'pictures, and excerpts of files': 5 },
  'docs/back-up-and-upgrade.md': { 'git pull, in a clone with a remote': 1 },
  'docs/embed.md': { 'programs, which test/integration/package.slow.test.ts runs': 2 },
  'docs/events.md': { 'a marked record': 1 },
  'docs/grafana.md': { 'an InfluxDB of the reader': 1, Docker: 1 },
  'docs/kafka-hdfs-s3.md': { 'three processes on several machines': 1 },
  'docs/open-the-archive.md': {
    'pip; the tests have these packages': 1,
    'Spark with the Delta library, which is fetched from Maven': 1,
  },
  'docs/secure-it.md': { nginx: 1 },
  'docs/send-from-an-sdk.md': { 'HTML of the shop; test/browser/snippet.test.ts has such pages': 2 },
  'docs/spark-and-yarn.md': { 'pip; the tests have these packages': 1 },
  'docs/uninstall.md': { systemd: 1 },
};

describe('Documents', () => {
  it('have commands that a test types', () => {
    const typed = Object.values(TYPED).flat().sort();
    const withCommands = pages.filter((page) => blocksOf(page).some(({ language }) => language === 'sh'));
    assert.deepEqual(withCommands, typed);
    for (const page of typed) assert.ok(stepsOf(page).length > 0, page);
  });

  it('name a reason for each block that no test types', () => {
    const found = Object.fromEntries(
      pages.map((page) => [page, notTyped(page).length] as const).filter(([, count]) => count > 0),
    );
    const listed = Object.entries(NOT_TYPED).map(([page, reasons]) => [
      page,
      Object.values(reasons).reduce((sum, count) => sum + count, 0),
    ]);
    assert.deepEqual(found, Object.fromEntries(listed));
  });

  it('have samples of configs and mappings that are right', () => {
    let samples = 0;
    for (const page of pages) {
      for (const block of blocksOf(page).filter(({ language }) => language === 'yaml')) {
        const file = `${page}:${block.line}`;
        const isMapping = page === 'docs/mappings.md' && !block.text.startsWith('sources:');
        checkYaml(isMapping ? mappingSchema : CONFIG_SCHEMA, { file, text: block.text, title: 'The sample' });
        if (fileOf(block) === null) samples++;
      }
    }
    assert.ok(samples > 10, String(samples));
  });

  it('are all in docs/README.md', () => {
    const index = readFileSync(join(PROJECT_DIR, 'docs/README.md'), 'utf8');
    const missing = globSync('*.md', { cwd: join(PROJECT_DIR, 'docs') }).filter(
      (page) => page !== 'README.md' && !index.includes(`(${page})`),
    );
    assert.deepEqual(missing, []);
  });
});
