/**
 * Kafka to archive and metrics, against what the bare client library consumes of the same topic, and against the lean job of bench/load.ts over
 * the same lines in a file: one event in each record, NDJSON blocks, and one event in each
 * record of another program. The time of a start on an empty topic is measured, too, and taken off.
 * Usage: node bench/kafka.ts [LINES=500000] [PAIRS=3]
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { produce } from '../test/support/kafka.ts';
import { downServices, upServices } from '../tools/dev-services/services.ts';
import { fillTopic, recordsIn, shopLines } from './fill-topic.ts';
import { productRun } from './product-run.ts';

const [count = 500_000, pairs = 3] = process.argv.slice(2).map(Number);
const SEND_LINES = 2000;
const root = join(import.meta.dirname, '..');
const dir = mkdtempSync(join(tmpdir(), 'tillstream-bench-'));
const env = {
  ...process.env,
  UV_THREADPOOL_SIZE: '16',
  MALLOC_ARENA_MAX: '2',
  TILLSTREAM_PORT: '0',
  NODE_NO_WARNINGS: '1',
};
const say = (line: string) => console.error(line);
const { kafka } = await upServices(dir, ['kafka'], { say });
const broker = kafka!.brokers[0]!;

const { lines, truth } = shopLines(count);

/** How the topic is filled: as our collector does, in both ways, or by another program, one event in each record. */
const WAYS = ['events', 'blocks', 'external'] as const;
type Way = (typeof WAYS)[number];

async function fill(topic: string, way: Way): Promise<void> {
  if (way !== 'external') return await fillTopic([broker], topic, way, lines);
  for (let at = 0; at < lines.length; at += SEND_LINES) {
    const some = lines.slice(at, at + SEND_LINES);
    await produce(
      [broker],
      topic,
      some.map((value, n) => ({ value, partition: (at + n) % 4 })),
    );
  }
}

async function peer(topic: string, records: number): Promise<number> {
  const args = [join(root, 'bench', 'peer-kafka.ts'), broker, topic, String(records)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });
  return (JSON.parse(stdout) as { seconds: number }).seconds;
}

const file = join(dir, 'lines.ndjson');
writeFileSync(file, lines.map((line) => `${line}\n`).join(''));

/** Seconds of the DuckDB job. */
async function job(): Promise<number> {
  const args = [join(root, 'bench', 'peer-lean-job.ts'), file, join(dir, 'peer')];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });
  return (JSON.parse(stdout) as { seconds: number }).seconds;
}

const rate = (seconds: number) => `${Math.round(count / seconds / 1000)} k events/s`;
const ratios: Record<Way, number[]> = { events: [], blocks: [], external: [] };
const ratiosToJob: Record<Way, number[]> = { events: [], blocks: [], external: [] };
for (let pair = 0; pair < pairs; pair++) {
  let bare = 0;
  const floor = await job();
  for (const way of WAYS) {
    const topic = `bench-${way}-${pair}`;
    const starting = await productRun(dir, broker, topic, 0, env);
    await fill(topic, way);
    const own = await peer(topic, await recordsIn([broker], topic));
    // All are measured against the library with one event in each record.
    if (way === 'events') bare = own;
    const { seconds: whole, ledger } = await productRun(dir, broker, topic, count, env);
    const seconds = whole - starting.seconds;
    const { events, duplicates, bad } = truth.summary();
    const { archive, metrics } = ledger;
    const found = [archive.events, archive.bad_rows, metrics.counted, metrics.duplicate, metrics.bad];
    const expected = [count - bad, bad, events, duplicates, bad];
    // Some bad lines are bad for a time in the future, which is over now.
    if (found.some((lines, n) => Math.abs(lines - expected[n]!) > bad / 4) || !ledger.balanced)
      throw new Error(`${way}: ${found} lines, but it should be ${expected}`);
    ratios[way].push(bare / seconds);
    ratiosToJob[way].push(floor / seconds);
    console.log(
      `pair ${pair + 1}, ${way}: library ${rate(own)}, tillstream ${rate(seconds)}, ratio to the library with one event per record ${(bare / seconds).toFixed(2)}, to a DuckDB job (${rate(floor)}) ${(floor / seconds).toFixed(2)}`,
    );
  }
}
const medians = (of: Record<Way, number[]>) =>
  Object.fromEntries(WAYS.map((way) => [way, of[way].toSorted((a, b) => a - b)[pairs >> 1]]));
console.log(
  JSON.stringify({
    scenario: 'kafka',
    lines: count,
    ratio_medians: medians(ratios),
    ratio_medians_to_job: medians(ratiosToJob),
  }),
);
await downServices(dir, ['kafka'], { say, removeData: true });
rmSync(dir, { recursive: true, force: true });
