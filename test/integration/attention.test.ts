/** Archive and metrics that nobody looks at take lines seldom, together; whoever looks gets what has come. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openLocalArchive } from '../../src/archive/storage/local/local-archive.ts';
import { Ingestor } from '../../src/ingest/ingestor.ts';
import { openMemoryLog } from '../../src/log/memory/log.ts';
import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import { duckDbConfig } from '../../src/metrics/duckdb/config.ts';
import { openDuckDb } from '../../src/metrics/duckdb/open-duckdb.ts';
import { testNow } from '../support/clock.ts';
import { externalLines } from '../support/external-lines.ts';
import { quickPipeline } from '../support/pipeline.ts';
import { temporaryDir, until } from '../support/product.ts';

/** So long that no line is taken within the test by it. */
const ARCHIVE_EVERY_MS = 600_000;
const METRICS_EVERY_MS = 20;

async function open({ areMetricsFollowed = false, archiveEveryMs = ARCHIVE_EVERY_MS }) {
  const dir = temporaryDir();
  const archiveDir = join(dir, 'archive');
  mkdirSync(archiveDir);
  const now = testNow;
  const log = openMemoryLog({ now });
  const ingestor = new Ingestor({ log, settings: { time_zone: 'UTC' }, lineBytesMax: 65_536, now });
  const duckdb = await openDuckDb({
    dir: join(dir, 'state'),
    archiveDirs: [archiveDir],
    catalogue: CATALOGUE,
    timeZone: 'UTC',
    validateExternal: externalLines(),
    logId: log.id,
    config: duckDbConfig.parse({}),
    now,
  });
  const archive = await openLocalArchive(archiveDir, { parquet: duckdb.parquet, logId: log.id, now });
  const every = { archiveEveryMs, metricsEveryMs: METRICS_EVERY_MS };
  const pipeline = quickPipeline({ log, duckdb, archive }, { ...every, areMetricsFollowed });
  await pipeline.start();
  let sent = 0;
  return {
    pipeline,
    send: () =>
      ingestor.ingest(
        'http',
        Buffer.from(`{"timestamp":${now()},"event_type":"checkout","event_id":"a${sent++}"}\n`),
      ),
    measured: () => duckdb.engine.position(0),
    archived: () => archive.position(0),
    async close() {
      await pipeline.stop(0);
      await duckdb.close();
    },
  };
}

test('lines wait while nobody reads; a reader gets them at once, and later ones as usual', async () => {
  const { pipeline, send, measured, archived, close } = await open({});
  try {
    await send();
    await sleep(20 * METRICS_EVERY_MS);
    assert.equal(measured(), 0);
    await send();
    await pipeline.attend();
    assert.deepEqual([measured(), archived()], [2, 2]);
    await send();
    await until(() => measured() === 3, 'the line that came after the look');
  } finally {
    await close();
  }
});

test('while nobody reads, the archive gathers for six times as long, and the metrics use the same batch', async () => {
  const archiveEveryMs = 300;
  const { send, measured, archived, close } = await open({ archiveEveryMs });
  try {
    const sinceMs = performance.now();
    await send();
    await until(() => archived() === 1, 'the archived line');
    assert.ok(performance.now() - sinceMs >= 5 * archiveEveryMs);
    await until(() => measured() === 1, 'the measured line');
  } finally {
    await close();
  }
});

test('metrics that another store follows are never kept waiting', async () => {
  const { send, measured, close } = await open({ areMetricsFollowed: true });
  try {
    await send();
    await until(() => measured() === 1, 'the line');
  } finally {
    await close();
  }
});

test('a reader is not kept waiting while the metrics cannot continue', async () => {
  const { pipeline, send, close } = await open({});
  await send();
  await close();
  const sinceMs = performance.now();
  await pipeline.attend();
  assert.ok(performance.now() - sinceMs < 5000);
});
