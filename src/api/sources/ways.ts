import { EVENTS_PATH } from '../collector.ts';
import { HOOKS_PATH } from '../hooks.ts';
import { PROTOCOLS } from '../protocols.ts';
import { PIXEL_PATH, SCRIPT_PATH } from '../snippet.ts';
import { fluentBitSnippets, rsyslogSnippets, syslogNgSnippets, vectorSnippets } from './shipper-snippets.ts';
import { curl, NEW_ID, NOW, type Snippet, type SnippetTarget, shellKey } from './snippet-text.ts';
import { addressesOf, type Way } from './way.ts';

const HEADER = 'header `Authorization: Bearer`';
const OWN_KEY = `${HEADER}, or \`?key=\``;
const API_DOCS = 'README.md#your-own-events';
const BROWSER_DOCS = 'docs/send-from-an-sdk.md#from-the-pages-of-the-shop';
const CONFIG_DOCS = 'docs/config.md';

const own: Way = {
  name: 'events',
  title: 'Own events',
  group: 'api',
  addresses: [`POST ${EVENTS_PATH}`],
  key: OWN_KEY,
  docs: API_DOCS,
  snippets: (to) => [
    curl(to, EVENTS_PATH, {
      body: `{"timestamp":"${NOW}","event_type":"view_product","event_id":"${NEW_ID}","user_id":"u1","product_id":"p1"}`,
    }),
    {
      title: 'Many events, one per line',
      kind: 'shell',
      text: `curl "${to.url}${EVENTS_PATH}"${to.key === null ? '' : ` -H "Authorization: Bearer ${shellKey(to.key)}"`} --data-binary @events.ndjson`,
    },
  ],
};

const cloudEvents: Way = {
  name: 'cloudevents',
  title: 'CloudEvents, in the body or the headers',
  group: 'api',
  addresses: [`POST ${EVENTS_PATH}`],
  key: HEADER,
  preset: 'cloudevents',
  docs: 'docs/mappings.md#cloudevents',
  snippets: (to) => [
    curl(to, EVENTS_PATH, {
      headers: [
        'Content-Type: application/json',
        'ce-specversion: 1.0',
        'ce-type: view_product',
        'ce-source: /shop',
        `ce-id: ${NEW_ID}`,
        `ce-time: ${NOW}`,
      ],
      body: '{"user_id":"u1","product_id":"p1"}',
    }),
  ],
};

/** Where the key of a protocol goes. */
function keyOf({ key, keyName }: (typeof PROTOCOLS)[number]): string {
  if (keyName !== undefined) return keyName;
  if (key === undefined) return HEADER;
  if ('parameter' in key)
    return key.parameter === 'key' ? `${HEADER}, or \`?key=\`` : `\`${key.parameter}\` in the address`;
  return 'header' in key ? `header \`${key.header}\`` : `\`${key.members[0]}\` in the body`;
}

const protocols = PROTOCOLS.map(
  (protocol): Way => ({
    name: protocol.name,
    title: protocol.title,
    group: 'tracker',
    addresses: [...addressesOf(protocol.paths), ...addressesOf(protocol.pings ?? [], 'GET')],
    key: keyOf(protocol),
    preset: protocol.map,
    docs: `docs/mappings.md#${protocol.map}`,
    snippets: protocol.snippets,
  }),
);

/** Lines of the config for a webhook, and the address to give to its sender. */
const hookSnippets =
  (name: string, more: string) =>
  (to: SnippetTarget): Snippet[] => [
    {
      title: 'Config of Tillstream',
      kind: 'yaml',
      text: `sources:
  - kind: http            # add to yours, if there is one
    hooks:
      - {name: ${name}, ${more}secret: "\${${secretOf(name)}}"}`,
    },
    { title: 'Address for the sender', kind: 'config', text: `${to.url}${HOOKS_PATH}/${name}` },
  ];

const secretOf = (name: string) => `${name.toUpperCase().replaceAll('-', '_')}_SECRET`;

const signedHook = (name: string, title: string): Way => ({
  name: `hook-${name}`,
  title: `${title} webhooks`,
  group: 'webhook',
  addresses: [`POST ${HOOKS_PATH}/${name}`],
  key: null,
  preset: name,
  docs: `docs/mappings.md#${name}`,
  snippets: hookSnippets(name, `map: ${name}, `),
});

const ownHook: Way = {
  name: 'hook-own',
  title: 'Other webhooks, with a secret in the address',
  group: 'webhook',
  addresses: [`POST ${HOOKS_PATH}/NAME`],
  key: null,
  docs: CONFIG_DOCS,
  snippets: (to) => [
    ...hookSnippets('shop', '')(to),
    curl({ ...to, key: null }, `${HOOKS_PATH}/shop?secret=$${secretOf('shop')}`, {
      body: `{"timestamp":"${NOW}","event_type":"view_product","event_id":"${NEW_ID}","product_id":"p1"}`,
    }),
  ],
};

const ofPage = (to: SnippetTarget, attribute: (key: string) => string) =>
  to.key === null ? '' : attribute(to.key);

const pages: Way[] = [
  {
    name: 'browser',
    title: 'Script for the pages of the shop',
    group: 'browser',
    addresses: [`GET ${SCRIPT_PATH}`, `POST ${EVENTS_PATH}`],
    key: '`data-key` of the script',
    docs: BROWSER_DOCS,
    isPublic: true,
    snippets: (to) => [
      {
        title: 'Add to every page',
        kind: 'html',
        text: `<script src="${to.url}${SCRIPT_PATH}"${ofPage(to, (key) => ` data-key="${key}"`)} data-currency="EUR" async></script>`,
      },
      {
        title: 'Report what happens',
        kind: 'html',
        text: `<main data-tillstream="view_product" data-product-id="p1" data-price="19.90">...</main>
<button data-tillstream="add_to_cart" data-product-id="p1" data-quantity="1">Add to cart</button>
<div data-tillstream="purchase" data-order-id="1001" data-amount="39.80" data-currency="EUR"></div>`,
      },
      {
        title: 'Config of Tillstream: the pages that may send',
        kind: 'yaml',
        text: `sources:
  - kind: http            # add to yours, if there is one
    cors_origins: [https://shop.example]`,
      },
    ],
  },
  {
    name: 'pixel',
    title: 'Image, for pages without scripts',
    group: 'browser',
    addresses: [`GET ${PIXEL_PATH}`],
    key: '`?key=`',
    docs: BROWSER_DOCS,
    isPublic: true,
    snippets: (to) => [
      {
        title: 'For an email, or a page without scripts',
        kind: 'html',
        text: `<img src="${to.url}${PIXEL_PATH}?event_type=view_page${ofPage(to, (key) => `&amp;key=${key}`)}" width="1" height="1" alt="">`,
      },
    ],
  },
];

const shipper = (name: string, title: string, snippets: Way['snippets'], preset?: string): Way => ({
  name,
  title,
  group: 'shipper',
  addresses: [`POST ${EVENTS_PATH}${preset === undefined ? '' : `?map=${preset}`}`],
  key: HEADER,
  ...(preset === undefined ? {} : { preset }),
  docs: preset === undefined ? API_DOCS : `docs/mappings.md#${preset}`,
  snippets,
});

const config = (title: string, text: string): Snippet => ({
  title,
  kind: 'yaml',
  text: `sources:\n${text}`,
});

const pulled = (name: string, title: string, snippets: Snippet[], docs = CONFIG_DOCS): Way => ({
  name,
  title,
  group: 'pull',
  addresses: [],
  key: null,
  docs,
  snippets: () => snippets,
});

const pulls: Way[] = [
  pulled(
    'load',
    'Files',
    [
      {
        title: 'Try it, then load it',
        kind: 'shell',
        text: './tillstream load events.csv --dry-run\n./tillstream load events.csv',
      },
      { title: 'With a mapping', kind: 'shell', text: './tillstream load export.csv --map shopify-orders' },
    ],
    'docs/formats.md',
  ),
  pulled('tail', 'Log files that grow', [
    config(
      'Config of Tillstream',
      '  - {kind: tail, name: nginx, path: /var/log/nginx/access.log, map: access-log}',
    ),
  ]),
  pulled('poll', 'An address to poll', [
    config(
      'Config of Tillstream',
      `  - kind: poll
    name: orders
    url: https://shop.example/api/orders
    headers: {Authorization: "Bearer \${ORDERS_TOKEN}"}
    every_seconds: 30`,
    ),
  ]),
  pulled('kafka', 'A topic of Kafka', [
    config(
      'Config of Tillstream',
      '  - {kind: kafka, name: topic, brokers: ["kafka.example:9092"], topic: shop-events}',
    ),
  ]),
];

/** Any body by a mapping: the way of the presets that have no address of their own. */
export const mappedWay = (preset: string, title: string, hasAddress: boolean): Way => ({
  name: preset,
  title,
  group: 'mapping',
  addresses: hasAddress ? [`POST ${EVENTS_PATH}?map=${preset}`] : [],
  key: hasAddress ? HEADER : null,
  preset,
  docs: `docs/mappings.md#${preset}`,
  snippets: (to) =>
    hasAddress
      ? [
          {
            title: 'A file to try',
            kind: 'shell',
            text: `curl "${to.url}${EVENTS_PATH}?map=${preset}"${to.key === null ? '' : ` -H "Authorization: Bearer ${shellKey(to.key)}"`} --data-binary @FILE`,
          },
        ]
      : [],
});

/** All ways by which events come in, as the page and the docs name them. */
export const WAYS: readonly Way[] = [
  own,
  cloudEvents,
  ...protocols,
  signedHook('shopify', 'Shopify'),
  signedHook('woocommerce', 'WooCommerce'),
  signedHook('stripe', 'Stripe'),
  ownHook,
  ...pages,
  shipper('vector', 'Vector', vectorSnippets, 'vector'),
  shipper('fluent-bit', 'Fluent Bit', fluentBitSnippets, 'fluent-bit'),
  shipper('rsyslog', 'rsyslog', rsyslogSnippets),
  shipper('syslog-ng', 'syslog-ng', syslogNgSnippets),
  ...pulls,
];
