/** One process archives, another one measures: it takes the decisions that stand in the archive. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { DeltaArchive } from '../../src/archive/delta/archive.ts';
import { localStorage } from '../../src/archive/storage/local/local-storage.ts';
import type { Consumers } from '../../src/consumers/consumers.ts';
import { Ingestor } from '../../src/ingest/ingestor.ts';
import { openMemoryLog } from '../../src/log/memory/log.ts';
import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import { duckDbConfig } from '../../src/metrics/duckdb/config.ts';
import { type DuckDb, openDuckDb } from '../../src/metrics/duckdb/open-duckdb.ts';
import { testNow } from '../support/clock.ts';
import { externalLines } from '../support/external-lines.ts';
import { quickPipeline } from '../support/pipeline.ts';
import { temporaryDir, until } from '../support/product.ts';

interface Part {
  pipeline: Consumers;
  archive: DeltaArchive;
  duckdb: DuckDb;
  stop(): Promise<void>;
}

test('metrics of a process that does not archive equal the archive, whoever stops or loses its state', async () => {
  const dir = temporaryDir();
  const archiveDir = join(dir, 'archive');
  mkdirSync(archiveDir);
  const now = testNow;
  const log = openMemoryLog({ now, partitions: 3 });
  const ingestor = new Ingestor({ log, settings: { time_zone: 'UTC' }, lineBytesMax: 65_536, now });
  const start = async (role: 'archive' | 'metrics'): Promise<Part> => {
    // Each its own, as processes have that share an archive.
    const stagingDir = join(dir, `staging-${role}`);
    const duckdb = await openDuckDb({
      dir: join(dir, `state-${role}`),
      archiveDirs: [archiveDir, stagingDir],
      catalogue: CATALOGUE,
      timeZone: 'UTC',
      validateExternal: externalLines(),
      logId: log.id,
      config: duckDbConfig.parse({ threads: 1 }),
      now,
    });
    const archive = await DeltaArchive.open({
      stagingDir,
      storage: (table) => localStorage(join(archiveDir, table), stagingDir, false),
      parquet: duckdb.parquet,
      logId: log.id,
      now,
    });
    const reads = { archive: role === 'archive', metrics: role === 'metrics' };
    const pipeline = quickPipeline({ log, duckdb, archive }, { reads });
    await pipeline.start();
    const stop = async () => {
      await pipeline.stop(0);
      await duckdb.close();
    };
    return { pipeline, archive, duckdb, stop };
  };
  let sent = 0;
  /** Half of the lines were there before. */
  const send = async () => {
    const lines = Array.from({ length: 40 }, (_, n) => {
      const id = n % 2 === 0 ? sent + n : n;
      return n % 10 === 9
        ? 'not an event'
        : `{"timestamp":${now() - n * 1000},"event_type":"purchase","order_id":"o${id}","event_id":"e${sent}-${n}","amount":"5.00"}`;
    });
    sent += lines.length;
    await ingestor.ingest('http', Buffer.from(`${lines.join('\n')}\n`));
  };

  let archiving = await start('archive');
  let measuring = await start('metrics');
  try {
    for (let round = 0; round < 4; round++) {
      await send();
      await send();
      if (round === 1) {
        await archiving.stop();
        await send();
        await rm(join(dir, 'state-archive'), { recursive: true });
        archiving = await start('archive');
      }
      const lost = round === 3;
      if (round >= 2) {
        await measuring.stop();
        await send();
        if (lost) await rm(join(dir, 'state-metrics'), { recursive: true });
        measuring = await start('metrics');
      }
      await until(() => measuring.pipeline.lag().metrics === 0, 'all is archived and measured', 20_000);
      const ledger = measuring.pipeline.ledger();
      assert.ok(ledger.balanced, JSON.stringify(ledger));
      assert.equal(ledger.metrics.in_flight, 0);
      assert.ok(ledger.metrics.duplicate > 0 && ledger.metrics.bad > 0);
      assert.equal((await measuring.pipeline.rebuild(null, true)).differences, 0);
    }
    // What nobody archives holds up no stop.
    await archiving.stop();
    await send();
    const stopMs = performance.now();
    await measuring.pipeline.stop(30_000);
    assert.ok(performance.now() - stopMs < 10_000);
  } finally {
    // What still runs after a failure would keep the file from its end.
    await Promise.allSettled([archiving.pipeline.stop(0), measuring.pipeline.stop(0)]);
    await Promise.allSettled([archiving.duckdb.close(), measuring.duckdb.close()]);
  }
});
