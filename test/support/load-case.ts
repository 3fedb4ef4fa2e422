import { join } from 'node:path';
import { serverConfig } from '../../src/api/config.ts';
import { ADAPTERS, type App, CONFIG_SCHEMA, openApp, readParquet } from '../../src/app/app.ts';
import { chosenMapper, shopOf } from '../../src/commands/load.ts';
import { dryRunReport } from '../../src/commands/load-report.ts';
import type { Finding } from '../../src/ingest/finding.ts';
import { openInputs } from '../../src/load/inputs.ts';
import type { LoadResult } from '../../src/load/result.ts';
import { loadInputs } from '../../src/load/run.ts';
import { type ReadingOptions, readOptionsOf, settingsOf } from '../../src/load/settings.ts';
import { localTarget } from '../../src/load/target.ts';
import type { LineError } from '../../src/sources/source.ts';
import { now } from '../../src/system/clock.ts';
import { ROLES } from '../../src/telemetry/roles.ts';

import { temporaryDir } from './product.ts';

const CASES = join(import.meta.dirname, '../fixtures/cases');
const noLogger = {
  level: 'silent',
  fatal() {},
  error() {},
  warn() {},
  info() {},
  debug() {},
  trace() {},
  silent() {},
  child: () => noLogger,
};

type Row = Readonly<Record<string, unknown>>;

/** What a load of a file has given. */
export interface LoadedCase {
  readonly received: number;
  readonly events: number;
  readonly badRows: number;
  readonly duplicates: number;
  readonly badByReason: Readonly<Record<string, number>>;
  readonly invalidFields: Readonly<Record<string, number>>;
  readonly findings: readonly Finding[];
  readonly errors: readonly LineError[];
  readonly description: string;
  readonly cutWhy: string | null;
  /** The report that the command prints. */
  readonly report: string;
  /** Events by type. */
  readonly types: Readonly<Record<string, number>>;
  /** Rows of all days of a metric. */
  total(metric: string): Promise<readonly Row[]>;
}

/** The path of a file in test/fixtures/cases. */
export const casePath = (name: string) => join(CASES, name);

/** Loads a file as `load` does, in this process and into a folder of its own; `use` gets what became of it. */
export async function loadCase<T>(
  path: string,
  options: ReadingOptions & { map?: string },
  use: (loaded: LoadedCase) => Promise<T>,
): Promise<T> {
  return loadInto(temporaryDir(), [path], options, async (result, app) => {
    const total = async (metric: string) => {
      const range = { fromMs: 0, toMs: now() + 86_400_000 };
      return (await app.backend.query({ metric, window: '1d', ...range, total: true })).total ?? [];
    };
    const [input] = result.sent.inputs;
    const traffic = (await total('traffic')) as { event_type: string; events: number }[];
    const types: Record<string, number> = {};
    for (const { event_type, events } of traffic) types[event_type] = (types[event_type] ?? 0) + events;
    const { received, events, badRows, duplicates, sent } = result;
    return use({
      received,
      events,
      badRows,
      duplicates,
      badByReason: sent.badByReason,
      invalidFields: sent.invalidFields,
      findings: sent.tally.list(),
      errors: input!.errors,
      description: input!.description,
      cutWhy: input!.cutWhy,
      report: dryRunReport(result, {}).text,
      types,
      total,
    });
  });
}

/** Loads files into a data folder, as a process of its own does; `use` gets the result while the folder is open. */
export async function loadInto<T>(
  dataDir: string,
  paths: readonly string[],
  options: ReadingOptions & { map?: string },
  use: (result: LoadResult, app: App) => Promise<T>,
  adapters = ADAPTERS,
): Promise<T> {
  const config = CONFIG_SCHEMA.parse({});
  const environment = {
    config,
    configFile: undefined,
    dataDir,
    server: serverConfig.parse({}),
    warnings: [],
    roles: new Set(ROLES),
    adapters,
    isZoneSet: false,
  };
  const mapper = await chosenMapper(options, environment);
  const settings = settingsOf(options, mapper, shopOf(environment));
  await using opened = await openInputs(paths, readOptionsOf(options, mapper), {
    readParquet,
    formats: adapters.formats,
  });
  const app = await openApp(environment, noLogger as unknown as Parameters<typeof openApp>[1]);
  try {
    const result = await loadInputs(localTarget(app, 'load'), {
      inputs: opened.inputs,
      settings,
      again: false,
      againHint: '--again',
      resumeHint: 'The same command',
      dataDir,
    });
    return await use(result, app);
  } finally {
    await app.close(0);
  }
}
