import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ingestor } from '../src/ingest/ingestor.ts';
import { createKafkaClient } from '../src/kafka-client/client.ts';
import { kafkaLogConfigSchema } from '../src/log/kafka/config.ts';
import { openKafkaLog } from '../src/log/kafka/open-log.ts';
import { quietLogger } from '../test/support/kafka.ts';
import { startBefore, stream, Truth } from '../tools/simulator/index.ts';

const SEND_LINES = 2000;

/** Lines of a simulated shop in the last hours, and what it knows of them. */
export function shopLines(count: number): { lines: string[]; truth: Truth } {
  const truth = new Truth();
  const lines: string[] = [];
  const eventsPerSecond = count / (6 * 3600);
  const startMs = startBefore(Date.now(), count, eventsPerSecond);
  for (const line of stream({ seed: 1, count, startMs, eventsPerSecond })) {
    truth.add(line);
    lines.push(line.line.toString());
  }
  return { lines, truth };
}

/** Writes lines to the topic as the collector does: judged, the bad ones marked. */
export async function fillTopic(
  brokers: string[],
  topic: string,
  records: 'events' | 'blocks',
  lines: readonly string[],
): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'tillstream-bench-'));
  const log = await openKafkaLog({
    config: kafkaLogConfigSchema.parse({ brokers, topic, records }),
    dir,
    readers: [],
    now: Date.now,
    logger: quietLogger,
    program: 'bench',
  });
  const ingestor = new Ingestor({
    log,
    settings: { time_zone: 'UTC' },
    lineBytesMax: 64 * 1024,
    now: Date.now,
  });
  for (let at = 0; at < lines.length; at += SEND_LINES)
    await ingestor.ingest('bench', Buffer.from(lines.slice(at, at + SEND_LINES).join('\n')));
  await log.close();
  rmSync(dir, { recursive: true, force: true });
}

/** Records of the topic, in all its partitions. */
export async function recordsIn(brokers: string[], topic: string): Promise<number> {
  const client = await createKafkaClient({ brokers, topic, request_timeout_seconds: 10 });
  const { partitions } = (await client.refresh())!;
  const ranges = await Promise.all(partitions.map(({ partition }) => client.range(partition)));
  await client.close();
  return ranges.reduce((sum, { end }) => sum + end, 0);
}
