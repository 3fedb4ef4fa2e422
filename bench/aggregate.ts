/**
 * CPU seconds of the metrics engine for a million lines: `apply` of batches of simulated events, typed beforehand. Then batches of
 * one line. Checks the ledger, and totals against a query of the lines themselves.
 * Usage: node bench/aggregate.ts [LINES=1000000] [--late] [--batch=500000]
 *   --late: of 1 % of the lines the time is anywhere in 660 days.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLocalArchive } from '../src/archive/storage/local/local-archive.ts';
import { Ingestor } from '../src/ingest/ingestor.ts';
import { openMemoryLog } from '../src/log/memory/log.ts';
import { sumCounts } from '../src/log/offset.ts';
import { CATALOGUE } from '../src/metrics/catalogue.ts';
import { duckDbConfig } from '../src/metrics/duckdb/config.ts';
import { openDuckDb } from '../src/metrics/duckdb/open-duckdb.ts';
import { externalLines } from '../test/support/external-lines.ts';
import { type SimulatedLine, stream } from '../tools/simulator/index.ts';

const [lines = 1_000_000] = process.argv
  .slice(2)
  .filter((arg) => !arg.startsWith('--'))
  .map(Number);
const isLate = process.argv.includes('--late');
const batchLines = Number(process.argv.find((arg) => arg.startsWith('--batch='))?.slice(8) ?? 500_000);
const SMALL_BATCHES = 200;
const SPAN_MS = 6 * 3_600_000;
const LATE_MS = 660 * 86_400_000;
const nowMs = Date.now();
const dir = mkdtempSync(join(tmpdir(), 'tillstream-bench-'));
const archiveDir = join(dir, 'archive');
mkdirSync(archiveDir);
let statements = 0;
const duckdb = await openDuckDb({
  dir: join(dir, 'metrics'),
  archiveDirs: [archiveDir],
  catalogue: CATALOGUE,
  timeZone: 'Europe/Berlin',
  validateExternal: externalLines('Europe/Berlin'),
  logId: 'bench',
  config: duckDbConfig.parse({ threads: 2 }),
  now: () => nowMs,
  intercept: (_, run) => {
    statements++;
    return run();
  },
});
const { engine, decoder, parquet } = duckdb;
const log = openMemoryLog({ now: () => nowMs });
const ingestor = new Ingestor({
  log,
  settings: { time_zone: 'UTC' },
  lineBytesMax: 65_536,
  now: () => nowMs,
});
const archive = await openLocalArchive(archiveDir, { parquet, logId: log.id, now: () => nowMs });
const cpu = async (work: () => Promise<unknown>) => {
  const before = process.cpuUsage();
  const started = performance.now();
  await work();
  const { user, system } = process.cpuUsage(before);
  return { cpu: (user + system) / 1e6, wall: (performance.now() - started) / 1000 };
};
const events = stream({
  seed: 1,
  startMs: nowMs - SPAN_MS,
  eventsPerSecond: lines / (SPAN_MS / 1000),
  count: lines + SMALL_BATCHES,
  rates: { late: 0.01, veryLate: 0.001, duplicate: 0.01 },
});
const total = { cpu: 0, wall: 0, recomputeCpu: 0 };
let archiveCpu = 0;
let offset = 0;
let good = 0;
let seed = 1;
const random = () => {
  seed = (seed * 48_271) % 2_147_483_647;
  return seed / 2_147_483_647;
};
const next = (count: number) => {
  const body: string[] = [];
  while (body.length < count) {
    let line = (events.next().value as SimulatedLine).line.toString();
    if (isLate && random() < 0.01) {
      const timeMs = Math.floor(nowMs - random() * LATE_MS);
      line = line.replace(/"timestamp":("[^"]*"|\d+)/, `"timestamp":${timeMs}`);
    }
    body.push(line);
  }
  return body;
};
const take = async (body: string[]) => {
  await ingestor.ingest('http', Buffer.from(`${body.join('\n')}\n`));
  const batches = await log.read(0, offset, { linesMax: 1_000_000, bytesMax: 2 ** 30 });
  const decoded = await decoder.decode(() => [batches]);
  good += decoded.lines - decoded.badLines;
  const ranges = [{ partition: 0, start: offset, end: offset + body.length }];
  const before = statements;
  const used = await cpu(() => engine.apply({ ...decoded, ranges, lost: {} }));
  const ran = statements - before;
  if (isLate) archiveCpu += (await cpu(() => archive.append({ ...decoded, ranges, lost: {} }))).cpu;
  await decoder.release(decoded);
  offset += body.length;
  return { ...used, statements: ran };
};
while (offset < lines) {
  const used = await take(next(Math.min(batchLines, lines - offset)));
  total.cpu += used.cpu;
  total.wall += used.wall;
  if (isLate) total.recomputeCpu += (await cpu(() => engine.recompute(archive))).cpu;
}
const rssMiB = process.resourceUsage().maxRSS / 1024;
const { counted, duplicate, bad } = engine.ledger();
const check = (what: string, got: number, wanted: number) => {
  if (got !== wanted) throw new Error(`${what}: ${got}, but it should be ${wanted}`);
};
check('lines of the ledger', sumCounts(counted) + sumCounts(duplicate) + sumCounts(bad), lines);
check('good lines', sumCounts(counted) + sumCounts(duplicate), good);
const range = { fromMs: 0, toMs: nowMs + 2 * SPAN_MS, total: true };
const traffic = await duckdb.store.query({ metric: 'traffic', window: '1d', ...range });
check('events of all days', Number(traffic.overall?.events), sumCounts(counted));
if (isLate) check('differences', (await engine.rebuild(archive, null, true)).differences, 0);
const per = (seconds: number) => Number(((seconds * 1e6) / lines).toFixed(3));
const small = { cpu: 0, statements: 0 };
const bodies = Array.from({ length: SMALL_BATCHES }, () => next(1));
for (const body of bodies) {
  const used = await take(body);
  small.cpu += used.cpu;
  small.statements += used.statements;
}
console.log(
  JSON.stringify({
    scenario: isLate ? 'aggregate-late' : 'aggregate',
    lines,
    apply_cpu_seconds_per_million: per(total.cpu),
    apply_wall_seconds_per_million: per(total.wall),
    ...(isLate
      ? {
          recompute_cpu_seconds_per_million: per(total.recomputeCpu),
          archive_cpu_seconds_per_million: per(archiveCpu),
        }
      : {}),
    one_line_cpu_ms: Number(((small.cpu * 1000) / SMALL_BATCHES).toFixed(1)),
    one_line_statements: Number((small.statements / SMALL_BATCHES).toFixed(1)),
    peak_rss_mib: Math.round(rssMiB),
  }),
);
await duckdb.close();
rmSync(dir, { recursive: true, force: true });
