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
/** What a unit test may import from anywhere: what is pure, and the simulated shop. */
const PURE = '^src/(domain|ingest|ports|metrics|telemetry|adapters/source/simulator)/|^test/support/';

/** folder -> what it may import of src, besides itself. */
const LAYERS = {
  domain: [],
  files: [],
  ports: ['domain', 'ingest/mapper\\.ts', 'ingest/format\\.ts', 'ingest/normalize-settings\\.ts'],
  metrics: ['domain'],
  decode: ['domain', 'ports', 'telemetry'],
  telemetry: ['domain'],
  ingest: ['domain', 'files/own-files\\.ts', 'ports'],
  pipeline: ['domain', 'ingest', 'ports', 'metrics', 'telemetry'],
  load: ['clock\\.ts', 'domain', 'files', 'ingest', 'ports'],
  imports: ['clock\\.ts', 'config', 'domain', 'files', 'ingest', 'load', 'mappings', 'ports', 'telemetry'],
  server: ['domain', 'files/own-files\\.ts', 'imports', 'ingest', 'ports', 'telemetry'],
  config: ['domain'],
  mappings: ['config', 'domain', 'files/own-files\\.ts', 'ingest'],
  services: ['domain', 'files/cache-dir\\.ts'],
  library: ['app\\.ts', 'domain', 'ingest', 'ports', 'server/(decode-body|ingest-answer)\\.ts', 'telemetry'],
  cli: [
    'app\\.ts',
    'clock\\.ts',
    'config',
    'domain',
    'files',
    'ingest',
    'load',
    'mappings',
    'ports',
    'services',
    'telemetry',
  ],
};

const layers = Object.entries(LAYERS).map(([folder, allowed]) => ({
  name: `${folder}-imports`,
  comment: `src/${folder} may import ${allowed.length > 0 ? allowed.join(', ').replaceAll('\\', '') : 'nothing of ours'}.`,
  severity: 'error',
  from: { path: `^src/${folder}/`, pathNot: TEST },
  to: { path: '^(src|web|test|bench)/', pathNot: `^src/(${[folder, ...allowed].join('|')})(/|$)` },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...layers,
    {
      name: 'adapter-imports',
      comment:
        'An adapter may import domain, files, ingest, ports, decode, telemetry, its own folder, the files that adapters of its port share, and kafka-client.',
      severity: 'error',
      from: {
        path: '^src/adapters/([^/]+)/([^/]+)/',
        pathNot: [TEST, '^src/adapters/(engine|kafka-client)/'],
      },
      to: {
        path: '^(src|web|test|bench)/',
        pathNot:
          '^src/(domain|files|ingest|ports|decode|telemetry|adapters/kafka-client|adapters/$1/$2|adapters/$1/[^/]+\\.ts$)(/|$)',
      },
    },
    {
      name: 'engine-imports',
      comment: 'An engine may import what other adapters may but ingest, and the metrics.',
      severity: 'error',
      from: { path: '^src/adapters/(engine)/([^/]+)/', pathNot: TEST },
      to: {
        path: '^(src|web|test|bench)/',
        pathNot:
          '^src/(domain|files|ports|metrics|decode|telemetry|adapters/$1/$2|adapters/$1/[^/]+\\.ts$)(/|$)',
      },
    },
    {
      name: 'shared-adapter-imports',
      comment:
        'What adapters of a port share may import domain, files, ingest, ports, telemetry, metrics and each other: no adapter.',
      severity: 'error',
      from: {
        path: '^src/adapters/([^/]+)/[^/]+\\.ts$',
        pathNot: TEST_FILE,
      },
      to: {
        path: '^(src|web|test|bench)/',
        pathNot: '^src/(domain|files|ingest|ports|telemetry|metrics|adapters/$1/[^/]+\\.ts$)(/|$)',
      },
    },
    {
      name: 'app-imports',
      comment: 'app.ts wires everything, and knows no command line.',
      severity: 'error',
      from: { path: '^src/(app|clock|data-dir|environment|imports|listen|readers|stores)\\.ts$' },
      to: { path: '^(src/(cli/|main\\.ts$)|web/|test/|bench/)' },
    },
    {
      name: 'main-imports',
      comment:
        'main.ts parses the command line and calls cli, app and config. (An error class, the version and the places of files are data.)',
      severity: 'error',
      from: { path: '^src/main\\.ts$' },
      to: {
        path: '^(src|web|test|bench)/',
        pathNot:
          '^src/(app\\.ts$|cli/|config/|domain/(errors|nearest|system-error)\\.ts$|files/own-files\\.ts$|version\\.ts$)',
      },
    },
    {
      name: 'known-place',
      comment:
        'Every file of src is in a folder of the table, or is app.ts, bin.ts, clock.ts, data-dir.ts, environment.ts, engine-programs.ts, imports.ts, index.ts, launch.ts, listen.ts, main.ts, mappers.ts, readers.ts, settings-check.ts, sources.ts, stores.ts or version.ts.',
      severity: 'error',
      from: {},
      to: {
        path: '^src/',
        pathNot: [
          `^src/(${Object.keys(LAYERS).join('|')}|adapters/[^/]+)/`,
          '^src/(app|bin|clock|data-dir|engine-programs|environment|imports|index|launch|listen|main|mappers|readers|settings-check|sources|stores|version)\\.ts$',
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
      name: 'domain-is-pure',
      comment:
        'domain, metrics and ports do no I/O, and the domain needs no package but fastest-levenshtein and the table of currency-codes.',
      severity: 'error',
      from: { path: '^src/(domain|metrics|ports)/', pathNot: TEST },
      to: {
        dependencyTypes: ['core', 'npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg'],
        // The first only compares letters; the second is a table, which is CommonJS.
        pathNot: '^(buffer|module)$|/(fastest-levenshtein|currency-codes)/',
      },
    },
    {
      name: 'page-apart',
      comment:
        'The page talks to the HTTP API only. Of src it may import the pure domain, so that days and codes are the same.',
      severity: 'error',
      from: { path: '^web/' },
      to: { path: '^(src/(?!domain/)|test|bench)' },
    },
    {
      name: 'product-without-tests',
      comment: 'What runs in production imports no test and no test helper.',
      severity: 'error',
      from: { path: '^(src|web)/', pathNot: TEST },
      to: { path: TEST },
    },
    {
      name: 'product-without-dev-packages',
      comment: 'What runs in production imports packages of "dependencies" only.',
      severity: 'error',
      from: { path: '^src/', pathNot: TEST },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'unit-test-stays-home',
      comment:
        'A unit test imports its own folder, what is pure, and test/support. What needs more is in test/.',
      severity: 'error',
      from: { path: `^src/(?!adapters/)([^/]+).*${TEST_FILE}` },
      to: { path: '^(src|web|test|bench)/', pathNot: `^src/$1/|${PURE}` },
    },
    {
      name: 'adapter-test-stays-home',
      comment:
        'An adapter test imports its adapter, what adapters of its port share, what is pure, and test/support.',
      severity: 'error',
      from: { path: `^src/adapters/([^/]+)/([^/]+).*${TEST_FILE}` },
      to: {
        path: '^(src|web|test|bench)/',
        pathNot: [
          PURE,
          '^src/adapters/kafka-client/',
          '^src/adapters/$1/$2/',
          '^src/adapters/$1/[^/]+\\.ts$',
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
        pathNot: ['\\.d\\.ts$', '^src/main\\.ts$', '(^|/)vite\\.config\\.ts$', '^src/server/snippet/', TEST],
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
          '^src/adapters/log/memory/',
          '^src/domain/differences\\.ts$',
          '^src/ingest/mapping/module-worker\\.ts$',
          '^src/server/snippet/',
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
