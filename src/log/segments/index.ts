export { segmentLogConfigSchema } from './config.ts';
export { acquireLock, LockHeld, lockHolder } from './lock.ts';
export { openSegmentLog } from './log.ts';
