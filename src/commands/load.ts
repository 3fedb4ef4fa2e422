import { tmpdir } from 'node:os';
import {
  CONFIG_SCHEMA,
  mappersModule,
  openApp,
  type RuntimeConfig,
  readParquet,
  withEngine,
} from '../app/app.ts';
import type { Mapper } from '../ingest/mapper.ts';
import { dryRun } from '../load/dry-run.ts';
import { withFitting } from '../load/fitting.ts';
import { openInputs } from '../load/inputs.ts';
import { isSuccess, type LoadResult } from '../load/result.ts';
import { type LoadWork, loadInputs } from '../load/run.ts';
import { type ReadingOptions, readOptionsOf, settingsOf } from '../load/settings.ts';
import { type LoadTarget, localTarget } from '../load/target.ts';
import { now } from '../system/clock.ts';
import { ROLES } from '../telemetry/roles.ts';
import { counted } from '../telemetry/words.ts';
import { type CommonOptions, findRunning, print, runtimeOf } from './context.ts';
import { dryRunReport, loadReport } from './load-report.ts';
import { remoteTarget, SOURCE } from './load-target.ts';
import { progress, progressDone, say, terminalLogger, writeError } from './terminal.ts';

export interface LoadOptions extends CommonOptions, ReadingOptions {
  map?: string;
  dryRun?: boolean;
  again?: boolean;
}

/** How often to look for what holds up a load. */
const PROBLEMS_MS = 5000;

/** Metrics that a dry run shows. */
const SHOWN_METRICS = { traffic: {}, responses: {}, latency: {}, audience: {}, funnel: {}, revenue: {} };

/** `load FILE...`: brings files into the pipeline and waits until they are archived, measured and in all stores. */
export async function load(files: string[], options: LoadOptions): Promise<void> {
  const given = await runtimeOf(options);
  const mapper = await chosenMapper(options, given);
  const settings = settingsOf(options, mapper, shopOf(given));
  // All of them, before the first line of one is stored.
  const readers = { readParquet, formats: given.adapters.formats };
  await using opened = await openInputs(files, readOptionsOf(options, mapper), readers).catch(
    async (error) => {
      throw mapper === undefined ? await withFitting(error, settings.normalize.time_zone ?? 'UTC') : error;
    },
  );
  for (const { name, what } of opened.skipped) writeError(`${name} is left out: it looks like ${what}.\n`);
  const work = { inputs: opened.inputs, settings, again: options.again === true };
  // Awaited: copies of what came through a pipe are removed when this returns.
  if (options.dryRun) return await tryOut(options, given, work);
  const run = await findRunning(given.dataDir);
  const loadInto = (target: LoadTarget) => loadShown(target, { ...work, dataDir: given.dataDir });
  if (run) return report(options, await loadInto(remoteTarget(run)));
  const runtime = await withEngine(given, say);
  const app = await openApp(runtime, terminalLogger('warn'), { demo: 'end' });
  if (app.demoMovedTo) writeError(`The data of the demo were moved to ${app.demoMovedTo}.\n`);
  try {
    await app.startStores();
    report(options, await loadInto(localTarget(app, SOURCE)));
  } finally {
    await app.close(0);
  }
}

/** The mapping that the user names. */
export async function chosenMapper(
  { map }: LoadOptions,
  { config }: Pick<RuntimeConfig, 'config'>,
): Promise<Mapper | undefined> {
  if (map === undefined) return undefined;
  return (await mappersModule()).mapperNamed(map, { config, configFile: undefined });
}

/** What the shop has set about reading. */
export const shopOf = ({
  config,
  server,
  isZoneSet,
}: Pick<RuntimeConfig, 'config' | 'server' | 'isZoneSet'>) => ({
  timeZone: config.time_zone,
  isZoneSet,
  currencies: config.currencies,
  lineBytesMax: server.line_bytes_max,
});

type GivenWork = Pick<LoadWork, 'inputs' | 'settings' | 'again'>;

/** Words and progress of a load on a terminal. */
function onTerminal(work: GivenWork, showProblems = () => {}): Omit<LoadWork, 'dataDir'> {
  return {
    ...work,
    againHint: '--again to load it anyway',
    resumeHint: 'The same command',
    onProgress: ({ name, storedBefore, received }) =>
      progress(`Loading ${name}: ${counted(storedBefore + received, 'record')}`),
    onWaiting(received) {
      progress(
        received === null
          ? 'Waiting for lines of an earlier load ...'
          : `Loaded ${counted(received, 'record')}; archiving and measuring ...`,
      );
      showProblems();
    },
  };
}

async function loadShown(
  target: LoadTarget,
  { dataDir, ...work }: GivenWork & { dataDir: string },
): Promise<LoadResult> {
  try {
    return await loadInputs(target, { ...onTerminal(work, problemReporter(target)), dataDir });
  } finally {
    progressDone();
  }
}

/** Shows, once each, why it takes so long: the lines are stored, and wait for a part that does not work. */
function problemReporter(target: LoadTarget): () => void {
  const shown = new Set<string>();
  let nextMs = now() + PROBLEMS_MS;
  return () => {
    if (now() < nextMs) return;
    nextMs = now() + PROBLEMS_MS;
    target.parts().then(
      (parts) => {
        for (const [part, { state, message }] of Object.entries(parts)) {
          if (state === 'ready' || shown.has(message)) continue;
          shown.add(message);
          writeError(`The lines are stored and wait for: ${part}: ${message}\n`);
        }
      },
      () => {},
    );
  };
}

function report(options: CommonOptions, result: LoadResult): void {
  const { json, text } = loadReport(result);
  print(options, json, () => text);
  // Every record that could be read is kept, but whoever runs it from cron must notice.
  if (!isSuccess(result)) process.exitCode = 1;
}

/** Whole pipeline in a folder that is thrown away, with the shop's time zone: nothing that the config names is touched. */
async function tryOut(options: LoadOptions, runtime: RuntimeConfig, work: GivenWork): Promise<void> {
  const { time_zone, batch } = runtime.config;
  const config = CONFIG_SCHEMA.parse({ time_zone, batch });
  const { result, metrics } = await dryRun(onTerminal(work), {
    open: (dataDir) =>
      openApp({ ...runtime, config, dataDir, roles: new Set(ROLES) }, terminalLogger('warn')),
    parentDir: tmpdir(),
    source: SOURCE,
    metrics: SHOWN_METRICS,
  }).finally(progressDone);
  const { json, text } = dryRunReport(result, metrics);
  print(options, json, () => text);
  if (!isSuccess(result)) process.exitCode = 1;
}
