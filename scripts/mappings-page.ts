import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { HOOKS_PATH } from '../src/api/hooks.ts';
import { WAYS } from '../src/api/sources/ways.ts';
import { FIELDS, ITEM_FIELDS } from '../src/event/fields.ts';
import { FILTER_TEXTS } from '../src/ingest/mapping/filters.ts';
import { mappingJsonSchema } from '../src/ingest/mapping/schema.ts';
import { presetNames, readSpec } from '../src/ingest/mappings/read.ts';

/** Records of each system: the golden inputs of its preset. */
const SAMPLES = 'test/golden/mappings';

interface Described {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Described>>;
  readonly anyOf?: readonly Described[];
}

/** Makes a table of a page. */
type Table = (head: string[], rows: string[][]) => string;

/** docs/mappings.md: the language, and how to connect each system that has a preset. */
export function mappingsPage(table: Table): string {
  return [
    INTRODUCTION,
    WRITE_A_MAPPING,
    settingsOfMappings(table),
    WRITE_A_PROGRAM,
    addressesOfClients(table),
    presetsOfSystems(table),
  ].join('');
}

const INTRODUCTION = `# Connect a system, or write a mapping

A mapping turns the records of another system into events. [Presets](#presets) are mappings for known systems, and you can [write your own](#write-a-mapping). To use a mapping,
name it where the records arrive: \`load --map NAME\`, \`POST /v1/events?map=NAME\`, or \`map: NAME\` for a source of kind poll, tail or kafka and for a webhook. Without a
mapping, records are read by our [field names](events.md) and their [aliases](formats.md).

Sample records of each system are in \`${SAMPLES}\`. Try them:

\`\`\`sh
./tillstream map list                                                # the presets
./tillstream map guess ${sampleOf('rees46')}          # the preset that fits, or a proposal
./tillstream map try ${sampleOf('rees46')} --map rees46
./tillstream map show segment                                        # the text of a preset
./tillstream map schema > mapping.schema.json                        # JSON Schema, for editors
\`\`\`

`;

const WRITE_A_MAPPING = `## Write a mapping

Save this as \`shop.yaml\`:

\`\`\`yaml shop.yaml
each: $.rows[*]                       # a record of several events
where: {state: [done]}                # others are left out, and counted
currency: EUR
fields:
  timestamp: {from: at, zone: Europe/Berlin, order: dmy}
  event_type: {from: what, values: {bought: purchase}, default: view_page}
  order_id: number
  user_id: [customer.id, customer.mail]
  amount: {from: total, decimal: ","}
\`\`\`

\`\`\`sh
cat >shop.json <<'JSON'
{"rows": [{"at": "24/11/2026 10:15", "what": "bought", "state": "done", "number": "1001", "customer": {"id": 42}, "total": "39,80"},
          {"at": "24/11/2026 10:16", "what": "bought", "state": "draft", "number": "1002", "customer": {"id": 43}, "total": "12,50"}]}
JSON
./tillstream map try shop.json --map ./shop.yaml
\`\`\`

\`\`\`text
shop.json: json, one object
  First record
...
  as an event
    {"timestamp":"2026-11-24T09:15:00.000Z","event_type":"purchase",...
...
Dry run, nothing was stored: 1 record, 1 would be accepted (0 duplicates), 0 rejected.
The mapping ./shop.yaml left out 1 record by its rule: \`state\` is draft (1).
...
\`\`\`

`;

/** What a mapping may hold, from its schema. */
function settingsOfMappings(table: Table): string {
  const schema = mappingJsonSchema() as Described;
  const long = ({ anyOf = [] }: Described) => anyOf.find(({ properties }) => properties) ?? {};
  const settings = (of: Described): string[][] =>
    Object.entries(of.properties ?? {}).map(([name, { description = '' }]) => [`\`${name}\``, description]);
  const fields = schema.properties!.fields!.properties!;
  const source = Object.keys(long(fields.event_type!).properties ?? {});
  const own = (field: string) =>
    settings(long(fields[field]!)).filter(([name]) => !source.includes(name!.slice(1, -1)));
  return `More settings:

\`\`\`yaml
extends: segment                      # optional: a preset or file to start from
each: $.events[*]                     # a record of several events
where: {op: [c]}                      # others are left out, and counted
fields:
  timestamp: {from: [event_time, created_at], zone: Europe/Berlin, order: dmy}
  event_type: {from: event, values: {view: view_product, cart: add_to_cart}, default: view_page}
  amount: {from: total, minor_units: true}
  response_time: {from: request_time, unit: s}
  product_id: {from: request, match: "^GET /product/([^ ?]+)"}
  user_id: {from: [userId, customer.id], null: ["0"]}
  source_name: {value: shop-eu}
items: {each: line_items, fields: {product_id: sku, quantity: quantity, price: price}}
\`\`\`

${table(
  ['setting', 'meaning'],
  settings(schema).filter(([name]) => name !== '`connect`'),
)}

The fields are ${FIELDS.filter(({ kind }) => kind !== 'items')
    .map(({ name }) => `\`${name}\``)
    .join(', ')}; the fields of a line of an order are
${ITEM_FIELDS.map(({ name }) => `\`${name}\``).join(', ')}. A field is set to a path, to a list of paths of which the first with a value is used, or to these settings:

${table(['setting', 'meaning'], settings(long(fields.event_type!)))}

A \`timestamp\` also has these settings:

${table(['setting', 'meaning'], own('timestamp'))}

Money has these settings:

${table(['setting', 'meaning'], own('amount'))}

\`response_time\` has a \`unit\`: ns, us, ms or s.

**Paths.** \`user.id\`, \`items[0].sku\`, \`list[*]\` for all elements, \`"a.b".c\` for a name with a dot. Paths begin at the record or, with
\`each\`, at the element. \`$.x\` always begins at the record, \`^headers.x\` at the headers of a request, and \`^received_at\` is the time of receipt. \`a || b\` uses b if a has no
value. A bar passes the value to a filter: \`payload | base64 | json | user.id\`.

${table(
  ['filter', 'meaning'],
  Object.entries(FILTER_TEXTS).map(([name, text]) => [`\`${name}\``, text]),
)}

**Conditions**, in \`where\` and \`cases\`: a path with a value, a list of values, or the tests \`in\`, \`not\`, \`match\` (a regular expression) and \`exists\`.

`;
}

const WRITE_A_PROGRAM = `## Write a program instead

A mapping can be a TypeScript or JavaScript module. It runs in its own worker. If it throws on a record, or takes longer than a second, the record becomes a bad row.

Save this as \`orders.ts\`:

\`\`\`ts orders.ts
export const settings = { time_zone: 'Europe/Berlin' };

export default function orders(record: any, { headers }: { headers: Record<string, string> }) {
  if (record.status === 'draft') return null; // left out, and counted
  return record.lines.map((line: any) => ({ timestamp: record.at, event_type: 'purchase', order_id: record.id, ...line }));
}
\`\`\`

\`\`\`sh
cat >orders.ndjson <<'NDJSON'
{"id":"1001","at":"2026-11-24 10:15","status":"paid","lines":[{"product_id":"p7","amount":"39.80","currency":"EUR"}]}
{"id":"1002","at":"2026-11-24 10:16","status":"draft","lines":[]}
NDJSON
./tillstream load orders.ndjson --map ./orders.ts
\`\`\`

\`\`\`text
orders.ndjson: NDJSON
...
Loaded ... 1 event (0 duplicates), 0 bad rows.
The mapping ./orders.ts left out 1 record by its rule.
...
\`\`\`

`;

/** Where clients of other systems send to. */
function addressesOfClients(table: Table): string {
  return `## Addresses of other systems' clients

These libraries need no changes, only your address and one of your \`api_keys\`.

${table(
  ['client', 'address', 'key'],
  [
    ...WAYS.filter(({ group, name }) => group === 'tracker' || name === 'cloudevents').map(
      ({ title, addresses, key }) => [title, addresses.map((each) => `\`${each}\``).join(', '), key ?? ''],
    ),
    [
      'Webhooks of Shopify, WooCommerce, Stripe and others',
      `\`POST ${HOOKS_PATH}/NAME\``,
      'the secret of the webhook, see `hooks` in [config.md](config.md)',
    ],
  ],
)}

The **Sources** view of the page has settings to copy for each of them, with your address. A record that can't be read is kept as a bad row, because these clients would drop it.

`;
}

/** How to connect each system. */
function presetsOfSystems(table: Table): string {
  const presets = presetNames().map((name) => ({ name, ...readSpec(name, '') }));
  return `## Presets

Each section lists the steps in the other system, and ends with commands that try a sample of its records. Start Tillstream first:

\`\`\`sh
./start-pipeline.sh --no-demo
\`\`\`

${table(
  ['preset', 'for'],
  presets.map(({ name, description = '' }) => [`[\`${name}\`](#${name})`, description]),
)}

${presets.map(({ name, description, connect = '' }) => `### ${name}\n\n${description}.\n\n${connect.trim()}\n\n${trying(name, connect)}`).join('\n\n')}

When you are done:

\`\`\`sh
./stop-pipeline.sh
\`\`\`
`;
}

/** Commands that try a preset on the sample of it: as a file, and, where the system can send, as a request. */
function trying(name: string, connect: string): string {
  const sample = sampleOf(name);
  const load = `./tillstream load ${sample} --map ${name}`;
  const address = `http://127.0.0.1:8080/v1/events?map=${name}`;
  const send = connect.includes('YOUR-HOST') ? `\ncurl -s '${address}' --data-binary @${sample}` : '';
  return `Try it with a sample:\n\n\`\`\`sh\n${load}${send}\n\`\`\``;
}

function sampleOf(preset: string): string {
  const files = readdirSync(join(import.meta.dirname, '..', SAMPLES)).sort();
  const file = files.find((name) => name.startsWith(`${preset}.`) && !name.endsWith('.events.ndjson'));
  if (file === undefined) throw new Error(`There is no ${preset}.* in ${SAMPLES}.`);
  return `${SAMPLES}/${file}`;
}
