/** Kinds of engines: one line each. */
export { duckdbEngine as duckdb } from '../../metrics/duckdb/index.ts';
export { sparkWithPrograms as spark } from './spark-programs.ts';
