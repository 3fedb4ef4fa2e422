export { segmentLogConfigSchema } from './config.ts';
export { acquireLock, LockHeldError, lockHolder } from './lock.ts';
export { openSegmentLog } from './log.ts';
