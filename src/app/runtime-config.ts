import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { z } from 'zod';
import { type ServerConfig, serverConfig } from '../api/config.ts';
import { archiveConfig } from '../archive/delta/config.ts';
import { HISTORY_SOURCES } from '../event/history.ts';
import { sourceSettingsSchema } from '../ingest/normalize-settings.ts';
import { kafkaLogConfigSchema } from '../log/kafka/config.ts';
import { segmentLogConfigSchema } from '../log/segments/index.ts';
import { duckDbConfig } from '../metrics/duckdb/config.ts';
import { sparkConfigSchema, unusedSettings } from '../metrics/spark/index.ts';
import { kafkaSourceOptionsSchema } from '../sources/kafka/config.ts';
import { pollOptionsSchema } from '../sources/poll/index.ts';
import { tailOptionsSchema } from '../sources/tail/index.ts';
import { isOpenToAll } from '../system/access.ts';
import { isLoopback } from '../system/host.ts';
import { dataConfigFile } from '../system/own-files.ts';
import { UsageError } from '../telemetry/errors.ts';
import { ROLES, type Role } from '../telemetry/roles.ts';
import { loadConfig } from './config/load.ts';
import { configSchema } from './config/schema.ts';
import { rememberedSettings } from './data-dir.ts';
import { storeSchema, withStoreOf } from './stores.ts';

/** What every source of others' records takes: how they become events. */
const intakeSettings = {
  map: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Mapping that makes events of the records: a name in `mappings`, that of a preset, or a YAML file, from the folder of the config.',
    ),
  ...sourceSettingsSchema.shape,
};

const sourceSchema = z.discriminatedUnion('kind', [
  serverConfig.extend({ kind: z.literal('http') }),
  pollOptionsSchema.extend({ kind: z.literal('poll'), ...intakeSettings }),
  tailOptionsSchema.extend({ kind: z.literal('tail'), ...intakeSettings }),
  kafkaSourceOptionsSchema.extend({ kind: z.literal('kafka'), ...intakeSettings }),
]);

/** Names in the ledger of what no config names. */
const TAKEN_NAMES: readonly string[] = ['http', ...HISTORY_SOURCES];

/** The config of this program: the parts are the adapters that it has. */
export const CONFIG_SCHEMA = configSchema({
  sources: sourceSchema,
  log: z
    .discriminatedUnion('kind', [
      segmentLogConfigSchema.extend({ kind: z.literal('segments').default('segments') }),
      kafkaLogConfigSchema.extend({ kind: z.literal('kafka') }),
    ])
    .prefault({}),
  archive: archiveConfig.prefault({}),
  engine: z.discriminatedUnion('kind', [duckDbConfig, sparkConfigSchema]).prefault({}),
  store: storeSchema,
});
export type Config = z.infer<typeof CONFIG_SCHEMA>;

export interface RuntimeConfig {
  config: Config;
  /** Where the config came from. */
  configFile: string | undefined;
  dataDir: string;
  server: ServerConfig;
  /** What is not as it should be, and keeps nothing from working. */
  warnings: string[];
  /** What this process does. */
  roles: ReadonlySet<Role>;
}

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Reads the config and decides on data folder and port, from options and environment. `named` has the variables that the config names,
 * where the settings of `env` are not those of the process.
 */
export async function readRuntimeConfig(
  options: { config?: string | object | undefined; data?: string | undefined; roles?: string | undefined },
  env: Env,
  defaultDataDir: string,
  named: Env = env,
): Promise<RuntimeConfig> {
  const dataDir = resolve(options.data ?? env.TILLSTREAM_DATA ?? defaultDataDir);
  const ofData = dataConfigFile(dataDir);
  const given = options.config ?? env.TILLSTREAM_CONFIG ?? (existsSync(ofData) ? ofData : undefined);
  const remembered = given === undefined ? await rememberedSettings(dataDir) : {};
  const asked = given ?? remembered.config;
  const configFile = typeof asked === 'string' ? asked : undefined;
  if (given === undefined && configFile !== undefined && !existsSync(configFile))
    throw new UsageError(
      `The data folder ${dataDir} was opened with the config ${configFile}, which is gone. Name its config with --config.`,
    );
  const loaded = await loadConfig(CONFIG_SCHEMA, asked, named);
  const timeZone = asked === undefined ? (remembered.time_zone ?? loaded.time_zone) : loaded.time_zone;
  const config = { ...loaded, time_zone: timeZone, stores: withStoreOf(loaded.stores, env) };
  const http = config.sources.filter((source) => source.kind === 'http');
  if (http.length > 1)
    throw new UsageError('The config has more than one source of kind http; there is one port.');
  const { kind: _kind, ...server } =
    http[0] ?? (sourceSchema.parse({ kind: 'http' }) as (typeof http)[number]);
  if (env.TILLSTREAM_PORT) {
    const port = Number(env.TILLSTREAM_PORT);
    if (!Number.isInteger(port) || port < 0 || port > 65535) {
      throw new UsageError(`TILLSTREAM_PORT="${env.TILLSTREAM_PORT}" is not a port number. Use 0 to 65535.`);
    }
    server.port = port;
  }
  if (!isLoopback(server.host) && server.api_keys.length === 0) {
    throw new UsageError(
      `The http source listens on ${server.host}, which others can reach, and has no api_keys. ` +
        'Add api_keys, or listen on 127.0.0.1.',
    );
  }
  refuseLoop(config);
  const names = [
    ...config.sources.map((source) => ('name' in source ? source.name : 'http')),
    ...server.hooks.map(({ name }) => name),
  ];
  const taken = server.hooks.find(({ name }) => TAKEN_NAMES.includes(name));
  if (taken)
    throw new UsageError(
      `The webhook "${taken.name}" has a name that Tillstream uses itself; give it another one.`,
    );
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice)
    throw new UsageError(`Two sources or webhooks have the name "${twice}"; give each a name of its own.`);
  const warnings = [
    ...(await openSecrets(configFile, loaded)),
    ...(config.engine.kind === 'spark' ? unusedSettings(config.engine) : []),
  ];
  return { config, configFile, dataDir, server, warnings, roles: rolesOf(options.roles, config) };
}

const SECRET_SETTING = /^(key|token|secret|password|secret_access_key)$/;

/** A warning where everyone on this machine may read secrets that stand in the config file itself. */
async function openSecrets(file: string | undefined, config: unknown): Promise<string[]> {
  if (file === undefined || !(await isOpenToAll(file))) return [];
  const text = await readFile(file, 'utf8');
  const names = [...secretsOf(config)].filter(([, secret]) => text.includes(secret)).map(([name]) => name);
  if (names.length === 0) return [];
  return [
    `Every user of this machine can read ${file}, which holds secrets (${[...new Set(names)].join(', ')}). Close it with ` +
      `"chmod 600 ${file}", or keep them in the environment: "\${NAME}".`,
  ];
}

/** Names and values of the settings that are secrets. */
function* secretsOf(value: unknown, isSecret = false): Generator<[string, string]> {
  if (typeof value !== 'object' || value === null) return;
  for (const [name, each] of Object.entries(value)) {
    if (typeof each !== 'string') yield* secretsOf(each, name === 'headers');
    else if ((isSecret || SECRET_SETTING.test(name)) && each !== '') yield [name, each];
  }
}

/** A source on the topic of the log would read what it has written, for ever. */
function refuseLoop({ log, sources }: Config): void {
  if (log.kind !== 'kafka') return;
  const loop = sources.some(
    (source) =>
      source.kind === 'kafka' &&
      source.topic === log.topic &&
      source.brokers.some((broker) => log.brokers.includes(broker)),
  );
  if (loop)
    throw new UsageError(
      `The topic ${log.topic} is the event log and a source too. The log is read anyway: remove the source.`,
    );
}

/** The roles of a list with commas; all where there is none. */
function rolesOf(list: string | undefined, config: Config): ReadonlySet<Role> {
  if (list === undefined) return new Set(ROLES);
  const names = list.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !ROLES.includes(name as Role));
  if (unknown !== undefined)
    throw new UsageError(
      `There is no role "${unknown}". Name some of ${ROLES.join(', ')}, with commas between them.`,
    );
  const roles = new Set(names as Role[]);
  if (roles.size === ROLES.length) return roles;
  if (config.log.kind !== 'kafka')
    throw new UsageError(
      `--roles ${list}: processes can share the work over an event log that all of them reach, and log.kind is ` +
        `${config.log.kind}. Set log: {kind: kafka, ...}, or leave --roles out.`,
    );
  if (roles.has('archive') !== roles.has('measure') && config.archive.kind === 'local')
    throw new UsageError(
      `--roles ${list}: who archives and who measures must reach the same archive, and archive.kind is local. ` +
        'Set archive: {kind: hdfs, ...} or {kind: s3, ...}, or give both roles to one process.',
    );
  if (roles.has('serve') && !roles.has('measure'))
    throw new UsageError(
      `--roles ${list}: the page and the query API are served from the metrics store, which is in the process with the role ` +
        'measure. Use --roles measure,serve.',
    );
  return roles;
}
