export { segmentLogConfigSchema } from './config.ts';
export { acquireLock, LockHeld } from './lock.ts';
export { openSegmentLog } from './log.ts';
