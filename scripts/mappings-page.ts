import { FIELDS, ITEM_FIELDS } from '../src/domain/fields.ts';
import { FILTER_TEXTS } from '../src/ingest/mapping/filters.ts';
import { mappingJsonSchema } from '../src/ingest/mapping/schema.ts';
import { presetNames, readSpec } from '../src/mappings/read.ts';
import { HOOKS_PATH } from '../src/server/hooks.ts';
import { WAYS } from '../src/server/sources/ways.ts';

interface Described {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Described>>;
  readonly anyOf?: readonly Described[];
}

/** docs/mappings.md: the language, and how to connect each system that has a preset. */
export function mappingsPage(table: (head: string[], rows: string[][]) => string): string {
  const schema = mappingJsonSchema() as Described;
  const long = ({ anyOf = [] }: Described) => anyOf.find(({ properties }) => properties) ?? {};
  const settings = (of: Described): string[][] =>
    Object.entries(of.properties ?? {}).map(([name, { description = '' }]) => [`\`${name}\``, description]);
  const fields = schema.properties!.fields!.properties!;
  const source = Object.keys(long(fields.event_type!).properties ?? {});
  const own = (field: string) =>
    settings(long(fields[field]!)).filter(([name]) => !source.includes(name!.slice(1, -1)));
  const presets = presetNames().map((name) => ({ name, ...readSpec(name, '') }));
  return `# Mappings

Records that other systems write become events by a mapping: that of a preset, or one of your own. It is named where the records come
in: \`load --map NAME\`, \`POST /v1/events?map=NAME\`, and \`map: NAME\` at a source of kind poll, tail or kafka and at a webhook. Without one, records are
read by the [names of our fields](events.md) and their [aliases](formats.md).

\`\`\`sh
./tillstream map list                                # the presets
./tillstream map guess export.csv                    # what fits, or a proposal to begin with
./tillstream map try export.csv --map ./shop.yaml    # what would come of it; stores nothing
./tillstream map show segment                        # the text of a preset
./tillstream map schema > mapping.schema.json        # for editors
\`\`\`

## Write a mapping

\`\`\`yaml
extends: segment                      # a preset or file that this one changes; may be left out
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
    .join(', ')}; those of a line are
${ITEM_FIELDS.map(({ name }) => `\`${name}\``).join(', ')}. A field is told by a path, by several of which the first with a value counts, or by these settings:

${table(['setting', 'meaning'], settings(long(fields.event_type!)))}

A \`timestamp\` also takes these:

${table(['setting', 'meaning'], own('timestamp'))}

Money takes these:

${table(['setting', 'meaning'], own('amount'))}

and \`response_time\` a \`unit\`: ns, us, ms or s.

**Paths.** \`user.id\`, \`items[0].sku\`, \`list[*]\` for all elements, \`"a.b".c\` for a name with a dot. They begin at the record, or at the element of
\`each\`; \`$.x\` begins at the record always, \`^headers.x\` at the headers of a request, and \`^received_at\` is when it came. \`a || b\` takes b where a has no value. Behind a
bar stands what is done with the value: \`payload | base64 | json | user.id\`.

${table(
  ['filter', 'meaning'],
  Object.entries(FILTER_TEXTS).map(([name, text]) => [`\`${name}\``, text]),
)}

**Conditions**, in \`where\` and \`cases\`: a path with a value, a list of values, or \`in\`, \`not\`, \`match\` (a regular expression) and \`exists\`.

## Write a program instead

A mapping may be a module in TypeScript or JavaScript: \`--map ./orders.ts\`. It runs in a worker of its own. A record on which it throws, or for which it
takes longer than a second, becomes a bad row.

\`\`\`ts
export const settings = { time_zone: 'Europe/Berlin' };

export default function orders(record: any, { headers }: { headers: Record<string, string> }) {
  if (record.status === 'draft') return null; // left out, and counted
  return record.lines.map((line: any) => ({ timestamp: record.at, event_type: 'purchase', order_id: record.id, ...line }));
}
\`\`\`

## Addresses of other systems' clients

Their libraries send here as they are; the key is one of \`api_keys\`.

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

The page of the dashboard under **Sources** has texts to copy for each of them, with your address. What can't be read is kept as a bad row: these clients would drop it.

## Presets

${table(
  ['preset', 'for'],
  presets.map(({ name, description = '' }) => [`[\`${name}\`](#${name})`, description]),
)}

${presets.map(({ name, description, connect }) => `### ${name}\n\n${description}.\n\n${(connect ?? '').trim()}`).join('\n\n')}
`;
}
