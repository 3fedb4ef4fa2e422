/**
 * Who may import whom: the table of CONTRIBUTING.md, checked by `npm run layers`.
 *
 * The parser is swc, as TypeScript 7 has no API that dependency-cruiser could use. It does not see an import inside of a
 * type, import('./file.ts').Name, so test/tidy.test.ts allows none that names a file of ours.
 */
import swc from '@swc/core/Visitor.js';

// swc parses `using x = ...`, but its visitor, which dependency-cruiser walks with, does not know it.
const { visitStatement } = swc.Visitor.prototype;
swc.Visitor.prototype.visitStatement = function (statement) {
  if (statement.type === 'UsingDeclaration')
    return this.visitVariableDeclaration({ ...statement, declarations: statement.decls });
  return visitStatement.call(this, statement);
};

/** Unit tests beside their file, and the helpers that only tests import. */
const TEST_FILE = '(\\.test\\.ts|/fake-[^/]+\\.ts)$';
const TEST = `${TEST_FILE}|^test/`;
const OURS = '^(src|tools|web|wasm|test|bench|scripts)/';

/** What every stage may import: what an event is, how we tell of ourselves, and what the operating system has. */
const COMMON = ['event', 'telemetry', 'system'];
/** The files of a stage that other stages may import: its port, and the words that it is made of. (test/tidy.test.ts reads them.) */
export const PORTS = [
  'archive/(archive|archive-kind|parquet-tool)',
  'decode/[^/]+',
  'ingest/(finding|format|ingest-result|mapper|normalize-settings)',
  'log/(event-log|log-kind|offset|partition-group)',
  'metrics/(definitions/)?(?!local-config)[^/]+',
  'query/[^/]+',
  'sinks/(sink|sink-kind)',
  'sources/source',
];
const PORT = `^src/(${PORTS.join('|')})\\.ts$`;

/** Stage -> what else it may import, besides itself, what is common, and ports. */
const STAGES = {
  sources: ['ingest', 'kafka-client'],
  'kafka-client': [],
  ingest: ['yaml'],
  load: ['ingest'],
  imports: ['ingest', 'load', 'yaml'],
  log: ['kafka-client'],
  decode: [],
  consumers: [],
  archive: [],
  metrics: [],
  query: [],
  sinks: [],
  api: ['imports', 'ingest'],
  library: ['app', 'ingest', 'api/(decode-body|ingest-answer)\\.ts'],
  commands: ['app', 'ingest', 'load', 'yaml'],
};
/** Folders that no stage is: what they may import, besides themselves. */
const APART = { event: [], system: ['event', 'telemetry'], telemetry: ['event'], yaml: ['telemetry'] };

const below = (folders) => `^src/(${folders.join('|')})(/|$)`;

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...Object.entries(STAGES).map(([stage, more]) => ({
      name: `${stage}-imports`,
      comment: `src/${stage} may import ${[...COMMON, ...more].join(', ').replaceAll('\\', '')}, and ports.`,
      severity: 'error',
      from: { path: `^src/${stage}/`, pathNot: TEST },
      to: {
        path: OURS,
        pathNot: [
          below([stage, ...COMMON, ...more]),
          PORT,
          ...(stage === 'commands' ? ['^tools/(simulator|dev-services)/'] : []),
        ],
      },
    })),
    ...Object.entries(APART).map(([folder, more]) => ({
      name: `${folder}-imports`,
      comment: `src/${folder} may import ${more.length > 0 ? more.join(', ') : 'nothing of ours'}${folder === 'telemetry' ? ', and words of ports' : ''}.`,
      severity: 'error',
      from: { path: `^src/${folder}/`, pathNot: TEST },
      to: { path: OURS, pathNot: [below([folder, ...more]), ...(folder === 'telemetry' ? [PORT] : [])] },
    })),
    {
      name: 'implementations-apart',
      comment: 'An implementation of a port knows no other one.',
      severity: 'error',
      from: { path: '^src/(sources|log|metrics|sinks)/([^/]+)/', pathNot: TEST },
      to: { path: '^src/$1/[^/]+/', pathNot: '^src/($1/$2|metrics/definitions)/' },
    },
    {
      name: 'ports-name-no-implementation',
      comment: 'What lies on top of a stage imports none of its implementations.',
      severity: 'error',
      from: { path: '^src/(sources|log|archive|metrics|sinks)/[^/]+\\.ts$', pathNot: TEST_FILE },
      to: { path: '^src/$1/[^/]+/', pathNot: '^src/metrics/definitions/' },
    },
    {
      name: 'app-imports',
      comment: 'app wires everything, and knows no command line.',
      severity: 'error',
      from: { path: '^src/app/', pathNot: TEST },
      to: { path: '^(src/(commands|library)/|src/(main|bin|index|launch)\\.ts$|web/|test/|bench/|scripts/)' },
    },
    {
      name: 'main-imports',
      comment:
        'main.ts parses the command line and calls commands and app. (An error class, the version and the places of files are data.)',
      severity: 'error',
      from: { path: '^src/main\\.ts$' },
      to: { path: OURS, pathNot: '^src/(app|commands|telemetry|system)/' },
    },
    {
      name: 'tools-imports',
      comment: 'The simulator and the servers for trying out need nothing of the pipeline.',
      severity: 'error',
      from: { path: '^tools/(simulator|dev-services)/', pathNot: TEST },
      to: { path: OURS, pathNot: ['^tools/', below(COMMON), PORT] },
    },
    {
      name: 'known-place',
      comment: 'Every file of src is in a folder of the table, or is bin.ts, index.ts, launch.ts or main.ts.',
      severity: 'error',
      from: {},
      to: {
        path: '^src/',
        pathNot: [
          below(['app', ...Object.keys(STAGES), ...Object.keys(APART)]),
          '^src/(bin|index|launch|main)\\.ts$',
        ],
      },
    },
    {
      name: 'nobody-imports-main',
      comment: 'main.ts is a program, not a module.',
      severity: 'error',
      from: {},
      to: { path: '^src/main\\.ts$' },
    },
    {
      name: 'event-is-pure',
      comment:
        'An event, a metric and a port do no I/O, and need no package but the table of currency-codes. (nearest.ts compares letters.)',
      severity: 'error',
      from: { path: `^src/event/|${PORT}`, pathNot: TEST },
      to: {
        dependencyTypes: ['core', 'npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg'],
        // The table is CommonJS. Settings are declared with zod.
        pathNot: '^(buffer|module)$|/(currency-codes|zod)/',
      },
    },
    {
      name: 'page-apart',
      comment:
        'The page talks to the HTTP API only. Of src it may import what an event is, so that days and codes are the same.',
      severity: 'error',
      from: { path: '^web/' },
      to: { path: '^(src/(?!event/)|tools|test|bench)' },
    },
    {
      name: 'line-checker-apart',
      comment: 'AssemblyScript is compiled by itself: it has another library, and other numbers.',
      severity: 'error',
      from: { path: '^wasm/' },
      to: { pathNot: '^wasm/' },
    },
    {
      name: 'line-checker-compiled',
      comment: 'Others load the built module (PLAIN_LINE_FILE of src/system/own-files.ts).',
      severity: 'error',
      from: { pathNot: '^wasm/' },
      to: { path: '^wasm/' },
    },
    {
      name: 'product-without-tests',
      comment: 'What runs in production imports no test and no test helper.',
      severity: 'error',
      from: { path: '^(src|tools|web)/', pathNot: TEST },
      to: { path: TEST },
    },
    {
      name: 'product-without-dev-packages',
      comment: 'What runs in production imports packages of "dependencies" only.',
      severity: 'error',
      from: { path: '^(src|tools/(simulator|dev-services))/', pathNot: TEST },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'unit-test-stays-home',
      comment:
        'A unit test imports what its stage may, the simulated shop, and test/support. What needs more is in test/.',
      severity: 'error',
      from: { path: `^src/([^/]+)/.*${TEST_FILE}` },
      to: {
        path: OURS,
        pathNot: [
          '^src/$1/',
          '^src/(ingest|kafka-client)/',
          below(COMMON),
          PORT,
          '^tools/simulator/',
          '^test/support/',
        ],
      },
    },
    { name: 'no-cycle', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphan',
      comment: 'A file that nothing imports and that imports nothing is forgotten.',
      severity: 'error',
      from: {
        orphan: true,
        pathNot: [
          '\\.d\\.ts$',
          '^src/main\\.ts$',
          '^wasm/plain-line\\.ts$',
          '(^|/)vite\\.config\\.ts$',
          '^src/api/snippet/',
          TEST,
        ],
      },
      to: {},
    },
    {
      name: 'not-in-use',
      comment:
        'Everything in src is reached from the command line or the library. (The log in memory is for tests, the differences for the docs, the worker of mapping modules is begun by its address, and the snippet runs in browsers.)',
      severity: 'error',
      from: { path: '^src/(bin|index|main)\\.ts$' },
      to: {
        path: '^src/',
        pathNot: [
          TEST,
          '^src/(bin|index|main)\\.ts$',
          '^src/log/memory/',
          '^src/event/differences\\.ts$',
          '^src/ingest/mapping/module-worker\\.ts$',
          '^src/api/snippet/',
        ],
        reachable: false,
      },
    },
    { name: 'unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^web/(dist|public)/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      mainFields: ['module', 'main', 'types'],
      extensions: ['.ts', '.tsx', '.js', '.mjs', '.json'],
    },
  },
};
