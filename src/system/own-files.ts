import { join } from 'node:path';

/**
 * Where the files lie that Tillstream finds by their path: the one place that knows it. In a checkout the program is src/, and runs as it is
 * written. In the package it is dist/src/, compiled, with the same folders; beside it in dist/ is what scripts/build.ts puts there.
 */
const PROGRAM_DIR = join(import.meta.dirname, '..');
const IS_PACKAGE = import.meta.filename.endsWith('.js');
/** The checkout, or dist/ of the package. */
const BASE_DIR = join(PROGRAM_DIR, '..');
const ROOT_DIR = IS_PACKAGE ? join(BASE_DIR, '..') : BASE_DIR;

const inPackage = (folder: string, inCheckout: string) => join(BASE_DIR, IS_PACKAGE ? folder : inCheckout);
const program = (name: string) => join(PROGRAM_DIR, `${name}.${IS_PACKAGE ? 'js' : 'ts'}`);

export const MANIFEST_FILE = join(ROOT_DIR, 'package.json');
/** The command line, to start it as a process of its own. */
export const MAIN_FILE = program('main');
/** Runs a mapping module of the user's. */
export const MAPPING_WORKER_FILE = program('ingest/mapping/module-worker');
export const PRESETS_DIR = join(PROGRAM_DIR, 'ingest', 'mappings', 'presets');
/** The script that shops put into their pages. */
export const SNIPPET_FILE = join(PROGRAM_DIR, 'api', 'snippet', 't.js');
/** The built dashboard. */
export const PAGE_DIR = inPackage('page', 'web/dist');
/** The built WebAssembly module that checks plain lines. */
export const PLAIN_LINE_FILE = inPackage('wasm/plain-line.wasm', 'wasm/dist/plain-line.wasm');
/** The driver that Spark runs. */
export const SPARK_DIR = inPackage('spark', 'deploy/spark');

/** The data folder where none is named; a package may be replaced with all that lies in it. */
export const DEFAULT_DATA_DIR = IS_PACKAGE ? 'data' : join(ROOT_DIR, 'data');
export const DEFAULT_DATA_TEXT = IS_PACKAGE
  ? 'the folder "data" in the current folder'
  : 'the folder "data" of the checkout';

/** The config that is read where no other is named. */
export function dataConfigFile(dataDir: string): string {
  return join(dataDir, 'config.yaml');
}
