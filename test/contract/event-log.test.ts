import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import type { EventLog } from '../../src/log/event-log.ts';
import { openMemoryLog } from '../../src/log/memory/log.ts';
import { segmentLogConfigSchema } from '../../src/log/segments/config.ts';
import { openSegmentLog } from '../../src/log/segments/log.ts';
import { testNow } from '../support/clock.ts';
import { eventLogContract } from './event-log.ts';

eventLogContract({ name: 'memory', open: async () => openMemoryLog({ now: testNow }) });
eventLogContract({
  name: 'memory, 4 partitions',
  open: async () => openMemoryLog({ now: testNow, partitions: 4 }),
});

for (const segment_bytes_max of [128 * 1024 * 1024, 700]) {
  const dirs = new Map<string, string>();
  const openIn = async (dir: string): Promise<EventLog> => {
    const config = segmentLogConfigSchema.parse({ segment_bytes_max, disk_reserve_bytes: 0 });
    const log = await openSegmentLog({ dir, config, readers: ['archive', 'metrics'], now: testNow });
    dirs.set(log.id, dir);
    return log;
  };
  after(async () => {
    for (const dir of dirs.values()) await rm(dir, { recursive: true, force: true });
  });
  eventLogContract({
    name: `segments of ${segment_bytes_max} bytes`,
    open: async () => openIn(await mkdtemp(join(tmpdir(), 'tillstream-log-'))),
    reopen: (closed) => openIn(dirs.get(closed.id)!),
  });
}
