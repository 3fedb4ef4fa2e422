/** An address of this process, as a client reaches it. */
export interface SnippetTarget {
  /** Without a slash at its end: https://shop.example/till. */
  readonly url: string;
  /** Name of the variable that holds the key; null where none is needed. */
  readonly key: string | null;
}

/** What a text is of: `curl` can be run as it is, in a shell. */
export type SnippetKind = 'curl' | 'javascript' | 'html' | 'yaml' | 'config' | 'shell';

/** A text to copy. The key is never in it, only the name of a variable. */
export interface Snippet {
  readonly title: string;
  readonly kind: SnippetKind;
  readonly text: string;
}

/** In a shell: now, in UTC. */
export const NOW = '$(date -u +%Y-%m-%dT%H:%M:%SZ)';
/** In a shell: an id that each run makes again. */
export const NEW_ID = '$(date +%s)-$$';

/** The key as a shell reads it. */
export const shellKey = (key: string): string => `$${key}`;

/** The parts of the address that some programs want apart. */
export function partsOf({ url }: SnippetTarget) {
  const { protocol, hostname, port, pathname } = new URL(url);
  const isTls = protocol === 'https:';
  const path = pathname === '/' ? '' : pathname;
  return { host: hostname, port: port || (isTls ? '443' : '80'), isTls, path };
}

export interface CurlOptions {
  /** The body, as a shell reads it. */
  readonly body: string;
  readonly headers?: readonly string[];
  /** Where the key goes, if not into the header Authorization. */
  readonly keyIn?: { readonly parameter: string } | { readonly header: string } | 'body';
}

/** A command that posts a body, which holds the time at which it runs. */
export function curl(
  to: SnippetTarget,
  path: string,
  { body, headers = ['Content-Type: application/json'], keyIn }: CurlOptions,
): Snippet {
  const { key } = to;
  const parameter =
    key !== null && typeof keyIn === 'object' && 'parameter' in keyIn ? keyIn.parameter : null;
  const query = parameter === null ? '' : `${path.includes('?') ? '&' : '?'}${parameter}=${shellKey(key!)}`;
  const keyHeader = key === null ? [] : keyHeaders(key, keyIn);
  const lines = [
    `curl "${to.url}${path}${query}"`,
    ...[...keyHeader, ...headers].map((header) => `  -H "${header}"`),
    '  --data-binary @- <<END',
  ];
  return { title: 'Try it with curl', kind: 'curl', text: `${lines.join(' \\\n')}\n${body}\nEND` };
}

function keyHeaders(key: string, keyIn: CurlOptions['keyIn']): string[] {
  if (keyIn === undefined) return [`Authorization: Bearer ${shellKey(key)}`];
  return typeof keyIn === 'object' && 'header' in keyIn ? [`${keyIn.header}: ${shellKey(key)}`] : [];
}

/** The name of the variable that holds a key of the config: "shop pages" is in SHOP_PAGES_KEY. */
export function variableOf(name: string): string {
  const upper = name
    .toUpperCase()
    .replace(/[^A-Z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '');
  const safe = /^[A-Z]/.test(upper) ? upper : `API_${upper}`.replace(/_$/, '');
  return safe.endsWith('KEY') ? safe : `${safe}_KEY`;
}
