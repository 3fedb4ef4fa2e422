/** Spark reads an archive on HDFS where it is, for a rebuild: real HDFS, by its own protocol. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { remoteStorage } from '../../src/adapters/archive/delta/place.ts';
import { PointsStore } from '../../src/adapters/engine/spark/points-store.ts';
import { withRebuildJob } from '../../src/adapters/engine/spark/rebuild-job.ts';
import { stream } from '../../src/adapters/source/simulator/index.ts';
import { sumCounts } from '../../src/domain/offset.ts';
import { REASON_CODES } from '../../src/domain/reasons.ts';
import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import type { MetricRow } from '../../src/ports/metrics-store.ts';
import { ArchiveRig } from '../support/archive-rig.ts';
import { temporaryDir } from '../support/product.ts';
import { startService } from '../support/services.ts';
import { SparkJobs, sparkPrograms } from '../support/spark.ts';

const START_MS = Date.UTC(2026, 5, 1);
const DAY_MS = 86_400_000;

it('a rebuild on Spark takes an archive on HDFS from there', async () => {
  const { info } = await startService('hdfs');
  const config = { kind: 'hdfs', url: info.url, path: '/rebuilt/archive' } as const;
  const rig = await ArchiveRig.open(temporaryDir(), (dir) => remoteStorage(config, dir));
  const archive = await rig.openArchive();
  const rates = { malformed: 0.02, late: 0, veryLate: 0, duplicate: 0 };
  const lines = [...stream({ seed: 9, count: 2000, startMs: START_MS, eventsPerSecond: 0.02, rates })];
  rig.nowMs = START_MS + 10 * DAY_MS;
  for (let at = 0; at < lines.length; at += 500) {
    await rig.receive(lines.slice(at, at + 500).map(({ line }) => line));
    assert.ok(await rig.archive(archive, 500));
  }

  const address = `${await fileSystem(info.url)}${config.path}`;
  const dir = temporaryDir();
  const timeZone = 'UTC';
  const points = await PointsStore.open({
    dir: join(dir, 'points'),
    archiveDirs: [rig.archiveDir],
    catalogue: CATALOGUE,
    timeZone,
    job: 'test',
    threads: 1,
    memoryMb: 300,
    now: Date.now,
  });
  const spark = SparkJobs.start(await sparkPrograms(), 'local[2]');
  try {
    const output = join(dir, 'computed.ndjson');
    const range = { fromMs: -Infinity, toMs: Infinity };
    const positions = { 0: archive.position(0) };
    const input = { catalogue: CATALOGUE, timeZone, range, positions, address, output };
    await withRebuildJob(archive, input, (job) => spark.compute(job));
    const { windows } = await points.takeComputed({ output, range, since: points.version(), diff: false });
    assert.ok(windows > 0);
    const rowsOf = async (metric: string) => {
      const query = { metric, window: '1d', fromMs: START_MS - DAY_MS, toMs: rig.nowMs + DAY_MS } as const;
      return (await points.store.query(query)).rows;
    };
    const sum = (rows: MetricRow[], value: string) =>
      rows.reduce((total, row) => total + Number(row[value]), 0);
    const { events, bad_rows: bad } = archive.counts();
    assert.equal(sum(await rowsOf('traffic'), 'events'), sumCounts(events));
    const codes: readonly unknown[] = REASON_CODES;
    const badRows = (await rowsOf('quality')).filter(({ reason }) => codes.includes(reason));
    assert.equal(sum(badRows, 'rows'), sumCounts(bad));
    assert.ok(sumCounts(bad) > 0);
  } finally {
    spark.stop();
    await points.close();
    await rig.close();
  }
});

/** The address that Hadoop's own clients use, from the NameNode itself. */
async function fileSystem(nameNodeUrl: string): Promise<string> {
  const headers = { accept: 'application/json' };
  const answer = await fetch(`${nameNodeUrl}/conf?name=fs.defaultFS`, { headers });
  const { property } = (await answer.json()) as { property: { value: string } };
  return property.value;
}
