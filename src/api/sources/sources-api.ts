import type { FastifyInstance } from 'fastify';
import { ApiError } from '../../telemetry/errors.ts';
import type { Guard } from '../auth.ts';
import type { PresetText, SourcesBackend, StateBackend } from '../backend.ts';
import type { ServerConfig } from '../config.ts';
import { parametersOf } from '../parameters.ts';
import { reportSources } from './report.ts';
import { type SnippetTarget, variableOf } from './snippet-text.ts';
import { GROUPS, type Way } from './way.ts';
import { mappedWay, WAYS } from './ways.ts';

const ADDRESS_LENGTH_MAX = 500;
/** Nothing that a shell, or a config in quotes, reads in another way. */
const SAFE_ADDRESS = /^https?:\/\/[\w.[\]:-]+(\/[\w.~%/-]*)?$/;
/** Placeholders in the texts of the presets. */
const HOST = /https:\/\/YOUR-HOST/g;
const BARE_HOST = /YOUR-HOST/g;
const KEY = /YOUR-KEY/g;

/** `GET /v1/sources`: what each source has brought. `GET /v1/ways`: how to connect the next, with the address that was asked. */
export function registerSources(
  app: FastifyInstance,
  backend: SourcesBackend & StateBackend,
  guard: Guard,
  config: ServerConfig,
): void {
  const allow = { onRequest: async (request: Parameters<Guard['check']>[0]) => guard.check(request, 'read') };

  app.get('/v1/sources', allow, async (request) => {
    parametersOf(request, []);
    const { now, started_at } = backend.status();
    return { now, started_at, ...(await reportSources(backend, config, guard.refused)) };
  });

  app.get('/v1/ways', allow, async (request) => {
    const { address } = parametersOf(request, ['address']);
    const url = urlOf(address ?? backend.status().url);
    const presets = new Map((await backend.presets()).map((preset) => [preset.name, preset]));
    const taken = new Set(WAYS.map(({ preset }) => preset));
    const mapped = [...presets.values()]
      .filter(({ name }) => !taken.has(name))
      .map(({ name, description, connect }) => mappedWay(name, description, connect.includes('YOUR-HOST')));
    const keys = keysOf(config);
    return {
      address: url,
      groups: GROUPS,
      /** Names of keys that may send; null where none is needed. */
      keys: guard.needsKey ? keys.map(({ name }) => name) : null,
      ways: [...WAYS, ...mapped].map((way) => wayOf(way, presets, { url, keys, needsKey: guard.needsKey })),
    };
  });
}

type KeyChoice = Pick<ServerConfig['api_keys'][number], 'name' | 'scopes'>;

/** Keys that may send; those that may do the least are first. */
function keysOf({ api_keys: keys }: ServerConfig): KeyChoice[] {
  return keys
    .filter(({ scopes }) => scopes.includes('write'))
    .sort((a, b) => a.scopes.length - b.scopes.length);
}

interface Choice {
  readonly url: string;
  readonly keys: readonly KeyChoice[];
  readonly needsKey: boolean;
}

function wayOf(way: Way, presets: ReadonlyMap<string, PresetText>, { url, keys, needsKey }: Choice) {
  const hasKey = way.key !== null && needsKey;
  // In a page everybody can read it.
  const chosen = keys.find(({ scopes }) => !way.isPublic || scopes.length === 1);
  const variable = chosen === undefined ? 'WRITE_KEY' : variableOf(chosen.name);
  const to: SnippetTarget = { url, key: hasKey ? variable : null };
  const connect = way.preset === undefined ? '' : (presets.get(way.preset)?.connect ?? '');
  return {
    name: way.name,
    title: way.title,
    group: way.group,
    addresses: way.addresses,
    key: hasKey
      ? { where: way.key, name: chosen?.name ?? null, variable, is_public: way.isPublic === true }
      : null,
    docs: way.docs,
    snippets: way.snippets(to),
    steps: connect
      .trim()
      .replace(HOST, url)
      .replace(BARE_HOST, new URL(url).hostname)
      .replace(KEY, hasKey ? variable : 'KEY'),
  };
}

/** The address without a slash at its end. */
function urlOf(address: string): string {
  const url = address.replace(/\/+$/, '');
  if (url.length <= ADDRESS_LENGTH_MAX && SAFE_ADDRESS.test(url) && URL.canParse(url)) return url;
  throw new ApiError('bad_request', 'address is not a valid HTTP address, such as https://HOST:PORT/PATH.');
}
