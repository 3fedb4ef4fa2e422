import { z } from 'zod';
import { CONFIG_SCHEMA } from '../src/app/app.ts';
import { THREADS_DEFAULT } from '../src/metrics/local-config.ts';

type Table = (head: string[], rows: string[][]) => string;

/** The part of JSON Schema that our config uses. */
interface Setting {
  type?: string;
  description?: string;
  default?: unknown;
  const?: unknown;
  enum?: unknown[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  properties?: Record<string, Setting>;
  required?: string[];
  items?: Setting;
  additionalProperties?: Setting | false;
  anyOf?: Setting[];
  oneOf?: Setting[];
}

/** docs/config.md: every setting, from the schema of the config. */
export function configPage(table: Table): string {
  const schema = z.toJSONSchema(CONFIG_SCHEMA, { io: 'input', unrepresentable: 'any' }) as Setting;
  return `# Config

The config is one YAML file: the one in \`--config FILE\`, otherwise in TILLSTREAM_CONFIG, otherwise \`config.yaml\` in the data folder. Every setting is optional. Unknown
settings are refused, and the message names the line. \`\${NAME}\` in a value stands for the environment variable NAME: keep secrets there.

\`\`\`yaml
time_zone: Europe/Berlin              # days, and timestamps that are only a date
sources:
  - kind: http
    port: 8080
  - kind: poll                        # a log API: GET /logs?after=CURSOR, or GET / if it has no cursor
    url: http://127.0.0.1:5000/
    every_seconds: 3
  - kind: tail                        # log files; rotation is followed
    path: /var/log/shop/*.ndjson
log:
  retention: {max_age_hours: 168}
engine:
  memory_mb: 340
\`\`\`

- \`./tillstream check --config FILE\` tests the config and each component once, including the servers, and changes nothing. \`doctor\` also checks the machine.
- A changed config takes effect at the next start. \`status\` and \`down\` need no config, so a mistake in it never prevents a stop.
- If settings of the archive, the log, the engine or a store have never worked on the data folder, a start ends within seconds with the reason. If a store or an engine worked
  before and is now unavailable, that component waits, and the others continue.
- Choose \`time_zone\` before the first load. If you change it later, all metrics are recomputed, but dates without a time (\`11/23/2026\`) keep the instant that they were given
  on arrival.

${settingsOf(schema, '', table).join('\n\n')}
`;
}

/** A table of the settings of one level, then the levels below it. */
function settingsOf(schema: Setting, path: string, table: Table): string[] {
  const rows: string[][] = [];
  const below: string[] = [];
  const settings = Object.entries(schema.properties ?? {});
  settings.sort(([a], [b]) => Number(b === 'kind') - Number(a === 'kind'));
  for (const [name, setting] of settings) {
    const place = path ? `${path}.${name}` : name;
    const kinds = alternatives(setting.items ?? {}) ?? alternatives(setting);
    const list = setting.items !== undefined;
    rows.push([code(name), typeOf(setting), defaultOf(name, setting, schema), setting.description ?? '']);
    if (kinds) {
      for (const kind of kinds) {
        const label = String(kind.properties?.kind?.const ?? kind.properties?.kind?.default);
        below.push(`## ${place}, kind ${label}`, ...described(kind), ...settingsOf(kind, place, table));
      }
    } else if (list && setting.items?.properties) {
      below.push(
        `### Each of ${place}`,
        ...described(setting.items),
        ...settingsOf(setting.items, place, table),
      );
    } else if (setting.properties) {
      below.push(
        `${path ? '###' : '##'} ${place}`,
        ...described(setting),
        ...settingsOf(setting, place, table),
      );
    }
  }
  return [table(['setting', 'value', 'default', 'meaning'], rows), ...below];
}

/** The kinds of a setting that has several, each with settings of its own. */
function alternatives({ oneOf, anyOf }: Setting): Setting[] | undefined {
  const all = oneOf ?? anyOf;
  return all?.some(({ properties }) => properties) ? all : undefined;
}

function described({ description }: Setting): string[] {
  return description ? [description] : [];
}

function typeOf(setting: Setting): string {
  if (setting.const !== undefined) return code(String(setting.const));
  if (setting.enum) return setting.enum.map((value) => code(String(value))).join(', ');
  if (alternatives(setting)) return 'see below';
  const plain = setting.anyOf ?? setting.oneOf;
  if (plain) return plain.map(typeOf).join(', or ');
  if (setting.items)
    return setting.items.properties || setting.items.oneOf
      ? 'list, see below'
      : `list of ${typeOf(setting.items)}`;
  if (setting.properties) return 'see below';
  if (setting.additionalProperties) return `names and values (${typeOf(setting.additionalProperties)})`;
  if (setting.type === 'boolean') return '`true` or `false`';
  const number = setting.type === 'integer' || setting.type === 'number';
  if (!number) return setting.pattern ? `text like ${code(setting.pattern)}` : 'text';
  const unbounded = Number.MAX_SAFE_INTEGER;
  const least =
    setting.minimum ??
    (setting.exclusiveMinimum === undefined ? undefined : `more than ${setting.exclusiveMinimum}`);
  const most = setting.maximum === unbounded ? undefined : setting.maximum;
  const range = most === undefined ? (least === undefined ? '' : `, from ${least}`) : `, ${least} to ${most}`;
  return `${setting.type}${range.replace('from more', 'more')}`;
}

function defaultOf(name: string, setting: Setting, parent: Setting): string {
  if (setting.properties || setting.const !== undefined || alternatives(setting)) return '';
  if (name === 'threads' && setting.default === THREADS_DEFAULT) return 'one fewer than cores';
  if (setting.default !== undefined) return code(JSON.stringify(setting.default));
  return parent.required?.includes(name) ? 'required' : '';
}

function code(text: string): string {
  return `\`${text}\``;
}
