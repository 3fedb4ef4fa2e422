import { join } from 'node:path';
import { Imports, type ImportsOptions } from '../imports/imports.ts';
import type { Scratch } from '../load/dry-run.ts';
import type { Logger } from '../telemetry/logger.ts';
import { ROLES } from '../telemetry/roles.ts';
import { CONFIG_SCHEMA } from './config/schema.ts';
import { RequestMappers } from './mappers.ts';
import { chosenOf } from './registry/adapters.ts';
import type { RuntimeConfig } from './runtime-config.ts';

/** What of the app opens and closes imports, which the app itself must not name. */
export interface ImportsWiring {
  readonly runtime: RuntimeConfig;
  readonly data: ImportsOptions['data'];
  readonly refuse: ImportsOptions['refuse'];
  readonly readParquet: ImportsOptions['readParquet'];
  readonly openScratch: (runtime: RuntimeConfig, logger: Logger) => Promise<Scratch>;
  readonly logger: Logger;
}

/** To try a file out one thread and little memory are enough: events that come in need the rest. */
const SCRATCH_ENGINE = { kind: 'duckdb', threads: 1, memory_mb: 128 } as const;
/** Free space that is kept where the log is on servers and has no reserve of its own. */
const RESERVE_BYTES = 1024 * 1024 * 1024;

/** Wires the imports of the page; removes what an earlier process has left of them. */
export function openImports(wiring: ImportsWiring): Promise<Imports> {
  const { runtime, data, refuse, readParquet, openScratch, logger } = wiring;
  const { config, server, dataDir } = runtime;
  const { time_zone, batch } = config;
  const log = chosenOf(runtime.adapters.logs, config.log);
  const scratch = CONFIG_SCHEMA.parse({ time_zone, batch, engine: SCRATCH_ENGINE });
  return Imports.open({
    dir: join(dataDir, 'uploads'),
    bytesMax: server.import_bytes_max,
    reserveBytes: log.adapter.diskReserveBytes?.(log.settings) ?? RESERVE_BYTES,
    shop: {
      timeZone: time_zone,
      isZoneSet: runtime.isZoneSet,
      currencies: config.currencies,
      lineBytesMax: server.line_bytes_max,
    },
    mappings: new RequestMappers(runtime),
    readParquet,
    formats: runtime.adapters.formats,
    dataDir,
    openScratch: (dir) =>
      openScratch({ ...runtime, config: scratch, dataDir: dir, roles: new Set(ROLES) }, quiet(logger)),
    data,
    refuse,
    logger,
  });
}

/** What is thrown away has no news for anybody. */
function quiet(logger: Logger): Logger {
  return { debug() {}, info() {}, warn() {}, error: (fields, message) => logger.error(fields, message) };
}
