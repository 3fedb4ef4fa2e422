/** The dashboards as files: up to date, as Grafana's types want them, and asking only for what is there. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { loadConfig } from '../../src/app/config/load.ts';
import { CONFIG_SCHEMA } from '../../src/app/config/schema.ts';
import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import { createRegistry, type Readings } from '../../src/telemetry/registry.ts';
import { type Panel, readDashboards } from '../support/grafana.ts';
import { PROJECT_DIR, temporaryDir } from '../support/product.ts';

const run = promisify(execFile);
const DEPLOY = join(PROJECT_DIR, 'deploy');
const text = (...path: string[]) => readFileSync(join(DEPLOY, ...path), 'utf8');
const boards = readDashboards();
const panelsOf = ({ panels }: { panels: Panel[] }) => panels.filter(({ type }) => type !== 'row');

interface Provisioned {
  datasources: { uid: string; secureJsonData?: Record<string, string>; jsonData?: object }[];
}
const { datasources } = parse(
  text('grafana', 'provisioning', 'datasources', 'tillstream.yaml'),
) as Provisioned;

describe('Grafana dashboards', () => {
  it('are what the generator gives', async () => {
    const script = join(PROJECT_DIR, 'scripts', 'generate-dashboards.ts');
    const { stderr } = await run(process.execPath, [script, '--check']).catch((error) => error);
    assert.equal(stderr, '');
  });

  it('have names and places of their own, and say what they show', () => {
    assert.equal(boards.length, 7);
    assert.equal(new Set(boards.map(({ uid }) => uid)).size, boards.length);
    for (const { file, uid, panels } of boards) {
      assert.match(uid, /^tillstream-[a-z-]{1,29}$/, file);
      assert.deepEqual(
        panels.map(({ id }) => id),
        panels.map((_, index) => index + 1),
        `${file}: ids`,
      );
      const cells = new Set<string>();
      for (const { title, gridPos } of panels) {
        for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
          for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
            assert.ok(x < 24 && !cells.has(`${x},${y}`), `${file}: ${title} lies over another panel`);
            cells.add(`${x},${y}`);
          }
        }
      }
      const height = Math.max(...panels.map(({ gridPos }) => gridPos.y + gridPos.h));
      assert.equal(cells.size, 24 * height, `${file} has holes`);
      for (const { title, description, targets, fieldConfig } of panelsOf({ panels })) {
        assert.ok(title && description && fieldConfig?.defaults.unit, `${file}: ${title}`);
        const ids = targets!.map(({ refId }) => refId);
        assert.equal(new Set(ids).size, ids.length, `${file}: ${title}`);
      }
    }
  });

  it('use their variables and no others, and link to dashboards that are there', () => {
    for (const board of boards) {
      const names = board.templating.list.map(({ name }) => name);
      const used = [...JSON.stringify(board.panels).matchAll(/\$\{(\w+)/g)].map(([, name]) => name!);
      const asked = [...new Set(used)].filter((name) => !name.startsWith('__'));
      assert.deepEqual(asked.sort(), names.toSorted(), board.file);
      for (const link of board.links) {
        const target = /^\/d\/([\w-]+)\?/.exec(link.url ?? '')?.[1];
        const others = boards.filter(({ uid, tags }) =>
          link.type === 'link' ? uid === target : link.tags.every((tag) => tags.includes(tag)),
        );
        assert.ok(others.length > 0, `${board.file}: ${link.title}`);
      }
    }
  });

  it('ask the data sources that are provisioned', () => {
    const uids = datasources.map(({ uid }) => uid);
    for (const board of boards) {
      const named = [...JSON.stringify(board).matchAll(/"datasource":(\{[^}]*\})/g)].map(([, ref]) =>
        JSON.parse(ref!),
      );
      assert.ok(named.length > 0 && named.every(({ uid }) => uids.includes(uid)), board.file);
      const [folder] = board.file.split('/');
      assert.ok(
        named.every(({ uid }) => uid === `tillstream-${folder}`),
        board.file,
      );
    }
  });

  it('show every value of the catalogue, in both languages', () => {
    for (const language of ['influxql', 'flux']) {
      const queries = boards
        .filter(({ file }) => file.startsWith(`${language}/`))
        .flatMap((board) => panelsOf(board).flatMap(({ targets }) => targets!.map(({ query }) => query!)));
      for (const { name, values, derived } of CATALOGUE) {
        const ofMetric = queries.filter((query) => query.includes(`"tillstream_${name}"`));
        // The tables and the panels of one metric show its values by their names.
        const missing = [...Object.keys(values), ...Object.keys(derived ?? {})].filter(
          (value) =>
            !ofMetric.some((query) =>
              [value, `${value}_decimal`].some((field) => query.includes(`"${field}"`)),
            ) && !NOT_SHOWN.includes(`${name}.${value}`),
        );
        assert.deepEqual(missing, [], `${language}: ${name}`);
      }
    }
  });

  it('match the types of Grafana', async () => {
    const dir = temporaryDir();
    symlinkSync(join(PROJECT_DIR, 'node_modules'), join(dir, 'node_modules'));
    for (const [index, board] of boards.entries())
      writeFileSync(join(dir, `board-${index}.ts`), typed(board));
    const compilerOptions = { module: 'nodenext', strict: true, skipLibCheck: true, noEmit: true, types: [] };
    writeFileSync(join(dir, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
    const tsc = join(PROJECT_DIR, 'node_modules', '.bin', 'tsc');
    const { stdout = '' } = await run(tsc, ['-p', dir]).catch((error) => error);
    assert.equal(stdout, '');
  });
});

/** Shares that the panels make of sums themselves, what is a difference of two that are shown, and a count that tells nothing besides the events. */
const NOT_SHOWN = [
  'responses.error_share',
  'revenue.average_order',
  'revenue.net',
  'latency.count',
  // The page and "tillstream query sales" have the products by currency; here they are ranked over all.
  'sales.orders',
  'sales.units',
  'sales.revenue',
];

const KINDS: Record<string, string> = {
  stat: 'Stat',
  bargauge: 'BarGauge',
  timeseries: 'TimeSeries',
  table: 'Table',
  'state-timeline': 'StateTimeline',
};

/** A program that compiles when the dashboard is of Grafana's types; in JSON, an enum is its value. */
function typed({ file: _, ...board }: ReturnType<typeof readDashboards>[number]): string {
  const types = [...new Set(panelsOf(board).map(({ type }) => type))];
  const options = panelsOf(board).map(
    ({ type, options, fieldConfig }, index) =>
      `export const options${index}: Partial<Json<${KINDS[type]}.Options>> = ${JSON.stringify(options)};\n` +
      (['timeseries', 'state-timeline'].includes(type)
        ? `export const custom${index}: Partial<Json<${KINDS[type]}.FieldConfig>> = ${JSON.stringify(fieldConfig!.defaults.custom)};\n`
        : ''),
  );
  return `import type { Dashboard } from '@grafana/schema';
${types.map((type) => `import type * as ${KINDS[type]} from '@grafana/schema/dist/esm/raw/composable/${KINDS[type]!.toLowerCase()}/panelcfg/x/${KINDS[type]}PanelCfg_types.gen';`).join('\n')}
type Json<T> = T extends string ? \`\${T}\` : T extends (infer U)[] ? Json<U>[] : T extends object ? { [K in keyof T]: Json<T[K]> } : T;
export const dashboard: Json<Dashboard> = ${JSON.stringify(board)};
${options.join('')}`;
}

describe('Prometheus', () => {
  const expressions = () => [
    ...boards.flatMap((board) =>
      panelsOf(board).flatMap(({ targets }) => targets!.map(({ expr }) => expr ?? '')),
    ),
    ...boards.flatMap(({ templating }) =>
      templating.list.map(({ query }) => (typeof query === 'string' ? '' : query.query)),
    ),
    ...(
      parse(text('prometheus', 'alerts.yml')) as { groups: { rules: { expr: string }[] }[] }
    ).groups.flatMap(({ rules }) => rules.map(({ expr }) => expr)),
  ];

  it('finds each metric, and each label, that a panel or an alert names', async () => {
    const registry = createRegistry(() => READINGS);
    registry.countRejected('http', 'not_json', 1);
    const metrics = (await registry.text()).text;
    const own = new Set([...metrics.matchAll(/^# TYPE (\w+) /gm)].map(([, name]) => name!));
    const labels = new Set([...metrics.matchAll(/[{,](\w+)="/g)].map(([, name]) => name!));
    let named = 0;
    for (const expression of expressions()) {
      for (const [, name] of expression.matchAll(/(?<!:)\b((?:tillstream|process|nodejs)_\w+)/g)) {
        assert.ok(own.has(name!), `there is no ${name}: ${expression}`);
        named++;
      }
      const selectors = [...expression.matchAll(/(\w+)=~?"/g), ...expression.matchAll(/by \((\w+)\)/g)];
      for (const [, label] of selectors)
        assert.ok(
          labels.has(label!) || ['instance', 'job'].includes(label!),
          `there is no label ${label}: ${expression}`,
        );
    }
    assert.ok(named > 40, `${named}`);
  });

  it('has alerts with a severity, a summary and what to do', () => {
    const { groups } = parse(text('prometheus', 'alerts.yml')) as { groups: { rules: Rule[] }[] };
    const alerts = groups.flatMap(({ rules }) => rules).filter(({ alert }) => alert);
    assert.ok(alerts.length >= 10);
    for (const { alert, labels, annotations } of alerts) {
      assert.match(labels?.severity ?? '', /^(warning|critical)$/, alert);
      assert.ok(annotations?.summary && annotations.description, alert);
    }
    const cases = text('prometheus', 'alerts.test.yml');
    for (const { alert } of alerts)
      assert.ok(cases.includes(alert!), `alerts.test.yml has no case of ${alert}`);
  });

  interface Rule {
    alert?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  }
});

describe('Files for Grafana and Docker', () => {
  const { services } = parse(text('compose.yaml'), { merge: true }) as { services: Record<string, Service> };
  const provisioning = (folder: string) => text('grafana', 'provisioning', folder, 'tillstream.yaml');

  it('hold no secret, and name only documented variables', () => {
    const guide = text('grafana', 'README.md');
    for (const { uid, secureJsonData } of datasources) {
      for (const secret of Object.values(secureJsonData ?? {}))
        assert.match(secret, /\$TILLSTREAM_\w+$/, uid);
    }
    for (const folder of ['datasources', 'dashboards']) {
      for (const [, name] of provisioning(folder).matchAll(/\$(TILLSTREAM_\w+)/g))
        assert.ok(guide.includes(name!), `deploy/grafana/README.md does not tell of ${name}`);
    }
  });

  it('open no port to others, and bring every file that they name', () => {
    for (const [name, { ports = [], environment = {}, volumes = [] }] of Object.entries(services)) {
      for (const port of ports) assert.match(port, /^127\.0\.0\.1:/, name);
      for (const [variable, value] of Object.entries(environment)) {
        if (/TOKEN|PASSWORD|SECRET|_KEY$/.test(variable))
          assert.match(value, /^\$\{\w+:\?.*\}$/, `${name} ${variable}`);
      }
      for (const volume of volumes.filter((one) => one.startsWith('./')))
        assert.ok(existsSync(join(DEPLOY, volume.split(':')[0]!)), `${name}: ${volume}`);
    }
    const provisioned = ['datasources', 'dashboards'].map((folder) => provisioning(folder)).join('\n');
    const used = [...provisioned.replace(/^ *#.*$/gm, '').matchAll(/\$(TILLSTREAM_\w+)/g)].map(
      ([, name]) => name!,
    );
    for (const name of used) assert.ok(services.grafana!.environment?.[name], `grafana is not given ${name}`);
  });

  it('have a config that Tillstream takes, with the variables that its container is given', async () => {
    const env = Object.fromEntries(
      Object.keys(services.tillstream!.environment ?? {}).map((name) => [name, `a value of ${name}`]),
    );
    const config = await loadConfig(CONFIG_SCHEMA, join(DEPLOY, 'config.compose.yaml'), env);
    assert.deepEqual(
      [config.log.kind, config.archive.kind, ...config.stores.map(({ kind }) => kind)],
      ['kafka', 'hdfs', 'influxdb'],
    );
  });
});

interface Service {
  ports?: string[];
  environment?: Record<string, string>;
  volumes?: string[];
}

const entry = {
  received: 10,
  archive: { events: 9, bad_rows: 1, in_flight: 0 },
  metrics: { counted: 8, duplicate: 1, excluded: 0, bad: 1, in_flight: 0 },
  balanced: true,
};
/** A process that has something of everything, so that each metric has its labels. */
const READINGS: Readings = {
  ledger: { ...entry, dirty_windows: 0, lost: 0, expired: 0, by_source: { http: entry } },
  lag: { archive: 0 },
  parts: { log: true },
  ageSeconds: { log: 1 },
  logBytes: 1,
  archiveFiles: { events: 1 },
  sources: [{ source: 'poll', counter: 'polls', value: 1 }],
  stores: [{ store: 'influxdb', counters: { points: 1 }, behindSeconds: 0 }],
  cluster: { starts: 1 },
};
