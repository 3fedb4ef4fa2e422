/** Kinds of archives: one line each. */
export { hdfsArchive as hdfs } from '../../archive/storage/hdfs/index.ts';
export { localArchive as local } from '../../archive/storage/local/index.ts';
export { s3Archive as s3 } from '../../archive/storage/s3/index.ts';
