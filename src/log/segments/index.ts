import { join } from 'node:path';
import type { LogKind } from '../log-kind.ts';
import { segmentLogConfigSchema } from './config.ts';

export const segmentLog: LogKind<typeof segmentLogConfigSchema> = {
  schema: segmentLogConfigSchema,
  isRemote: false,
  async open(config, { dataDir, readers, now, program }) {
    const { openSegmentLog } = await import('./log.ts');
    return openSegmentLog({ dir: join(dataDir, 'log'), config, readers, now, program });
  },
  diskReserveBytes: ({ disk_reserve_bytes }) => disk_reserve_bytes,
};
