import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { ServerConfig } from '../api/config.ts';
import { HISTORY_SOURCES } from '../event/history.ts';
import { isOpenToAll } from '../system/access.ts';
import { isLoopback } from '../system/host.ts';
import { dataConfigFile } from '../system/own-files.ts';
import { UsageError } from '../telemetry/errors.ts';
import { ROLES, type Role } from '../telemetry/roles.ts';
import { loadConfig } from './config/load.ts';
import { type Config, configSchema, defaultServer, isHttp } from './config/schema.ts';
import { type Opening, rememberedSettings } from './data-dir.ts';
import { ADAPTERS, type Adapters, chosenOf } from './registry/adapters.ts';
import { withStoresOf } from './stores.ts';

const DEFAULT_ZONE = 'UTC';
/** Names in the ledger of what no config names. */
const TAKEN_NAMES: readonly string[] = ['http', ...HISTORY_SOURCES];

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
  /** What the config could choose from. */
  adapters: Adapters;
  /** The config names the time zone of the shop. */
  isZoneSet: boolean;
}

/** How a data folder is opened with a config. */
export function openingOf({ config, configFile, adapters }: RuntimeConfig, demo: Opening['demo']): Opening {
  const log = chosenOf(adapters.logs, config.log);
  const archive = chosenOf(adapters.archives, config.archive);
  const onServers = log.adapter.isRemote || archive.adapter.isRemote;
  const isElsewhere = onServers || (archive.settings as { path?: unknown }).path !== undefined;
  return {
    demo,
    onServers,
    archiveIsShared: archive.adapter.opensDataDir?.(archive.settings) ?? false,
    configFile,
    timeZone: config.time_zone,
    isUnnamed: configFile === undefined && isElsewhere,
  };
}

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Reads the config and decides on data folder and port, from options and environment. `named` has the variables that the config names,
 * where the settings of `env` are not those of the process; `adapters` is what there is to choose from.
 */
export async function readRuntimeConfig(
  options: { config?: string | object | undefined; data?: string | undefined; roles?: string | undefined },
  env: Env,
  defaultDataDir: string,
  named: Env = env,
  adapters: Adapters = ADAPTERS,
): Promise<RuntimeConfig> {
  const dataDir = resolve(options.data ?? (env.TILLSTREAM_DATA || defaultDataDir));
  const ofData = dataConfigFile(dataDir);
  const given = options.config ?? (env.TILLSTREAM_CONFIG || (existsSync(ofData) ? ofData : undefined));
  const remembered = given === undefined ? await rememberedSettings(dataDir) : {};
  if (remembered.config_unnamed)
    throw new UsageError(
      `The data folder ${dataDir} was opened by a program, with a config that no file has: its event log or archive is not in the folder. ` +
        'Write the same settings into a file, and name it with --config.',
    );
  const asked = given ?? remembered.config;
  const configFile = typeof asked === 'string' ? asked : undefined;
  if (given === undefined && configFile !== undefined && !existsSync(configFile))
    throw new UsageError(
      `The data folder ${dataDir} was opened with the config ${configFile}, which no longer exists. Name its config with --config.`,
    );
  const { time_zone: zone, ...loaded } = await loadConfig(withoutZone(configSchema(adapters)), asked, named);
  const timeZone = zone ?? (asked === undefined ? remembered.time_zone : undefined) ?? DEFAULT_ZONE;
  const { housekeeping: former, ...settings } = loaded;
  if (former && !isDeepStrictEqual(loaded.maintenance, configSchema(adapters).parse({}).maintenance))
    throw new UsageError(
      'The config has maintenance and housekeeping, which is its former name. Keep maintenance.',
    );
  const config = {
    ...settings,
    maintenance: former ?? loaded.maintenance,
    time_zone: timeZone,
    stores: withStoresOf(loaded.stores, adapters.stores, env),
  };
  const server = serverOf(config, env);
  refuseLoop(config, adapters);
  refuseUsedNames(config, server);
  const engine = chosenOf(adapters.engines, config.engine);
  const warnings = [
    ...(await openSecrets(configFile, loaded)),
    ...(engine.adapter.warnings?.(engine.settings) ?? []),
    ...(options.roles?.includes(FORMER_ROLE)
      ? [`--roles ${FORMER_ROLE}: the role is called metrics now.`]
      : []),
    ...(former ? ['housekeeping: it is called maintenance now. Change its name in the config.'] : []),
  ];
  return {
    config,
    configFile,
    dataDir,
    server,
    warnings,
    roles: rolesOf(options.roles, config, adapters),
    adapters,
    isZoneSet: zone !== undefined,
  };
}

/** The one source of kind http, and the port of the environment. */
function serverOf(config: Pick<Config, 'sources'>, env: Env): ServerConfig {
  const http = config.sources.filter(isHttp);
  if (http.length > 1)
    throw new UsageError(
      'The config has more than one source of kind http, but Tillstream listens on one port.',
    );
  const { kind: _kind, ...server } = http[0] ?? { kind: 'http', ...defaultServer() };
  if (env.TILLSTREAM_PORT) {
    const port = /^\d{1,5}$/.test(env.TILLSTREAM_PORT) ? Number(env.TILLSTREAM_PORT) : Number.NaN;
    if (!(port <= 65535)) {
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
  return server;
}

/** Each source and webhook is a name in the ledger. */
function refuseUsedNames({ sources }: Pick<Config, 'sources'>, { hooks }: ServerConfig): void {
  const names = [
    ...sources.map((source) => (isHttp(source) ? 'http' : source.name)),
    ...hooks.map(({ name }) => name),
  ];
  const taken = hooks.find(({ name }) => TAKEN_NAMES.includes(name));
  if (taken)
    throw new UsageError(
      `The webhook "${taken.name}" has a name that Tillstream uses itself. Choose another name.`,
    );
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice)
    throw new UsageError(`Two sources or webhooks have the name "${twice}". Give each its own name.`);
}

/** A config of which it shows whether it names a time zone. */
const withoutZone = (schema: ReturnType<typeof configSchema>) =>
  schema.extend({ time_zone: schema.shape.time_zone.unwrap().optional() });

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

/** A source of what the log writes would read for ever. */
function refuseLoop({ log, sources }: Config, adapters: Adapters): void {
  const own = chosenOf(adapters.logs, log);
  const written = own.adapter.addresses?.(own.settings) ?? [];
  for (const source of sources) {
    if (isHttp(source)) continue;
    const { adapter, settings } = chosenOf(adapters.sources, source);
    if (!adapter.addresses?.(settings).some((address) => written.includes(address))) continue;
    throw new UsageError(
      `The source ${source.name} reads ${adapter.reads(settings)}, which is the event log. The log is read anyway: remove the source.`,
    );
  }
}

/** What the role metrics was called in 0.1.0. */
const FORMER_ROLE = 'measure';

/** The roles of a list with commas; all where there is none. */
function rolesOf(list: string | undefined, config: Config, adapters: Adapters): ReadonlySet<Role> {
  if (list === undefined) return new Set(ROLES);
  const names = list.split(',').map((name) => (name.trim() === FORMER_ROLE ? 'metrics' : name.trim()));
  const unknown = names.find((name) => !ROLES.includes(name as Role));
  if (unknown !== undefined)
    throw new UsageError(`Unknown role "${unknown}". Use ${ROLES.join(', ')}, separated by commas.`);
  const roles = new Set(names as Role[]);
  if (roles.size === ROLES.length) return roles;
  const remote = (kinds: Readonly<Record<string, { isRemote: boolean }>>) =>
    Object.keys(kinds).filter((kind) => kinds[kind]!.isRemote);
  const [logs, archives] = [remote(adapters.logs), remote(adapters.archives)];
  if (!logs.includes(config.log.kind))
    throw new UsageError(
      `--roles ${list}: processes can share the work over an event log that all of them reach, and log.kind is ` +
        `${config.log.kind}. Set ${shown('log', logs)}, or leave --roles out.`,
    );
  if (roles.has('archive') !== roles.has('metrics') && !archives.includes(config.archive.kind))
    throw new UsageError(
      `--roles ${list}: who archives and who measures must reach the same archive, and archive.kind is ${config.archive.kind}. ` +
        `Set ${shown('archive', archives)}, or give both roles to one process.`,
    );
  if (roles.has('serve') && !roles.has('metrics'))
    throw new UsageError(
      `--roles ${list}: the page and the query API are served from the metrics store, which is in the process with the role ` +
        'metrics. Use --roles metrics,serve.',
    );
  return roles;
}

/** How a part of the config names one of these kinds. */
function shown(part: string, kinds: readonly string[]): string {
  return `${part}: ${kinds.map((kind) => `{kind: ${kind}, ...}`).join(' or ')}`;
}
