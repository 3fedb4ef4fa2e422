import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type App, CONFIG_SCHEMA, type Environment, openApp, withEngine } from '../app.ts';
import { now } from '../clock.ts';
import type { Ledger } from '../domain/ledger.ts';
import { ROLES } from '../domain/roles.ts';
import { CommandFailed, type CommonOptions, environmentOf, findRunning, print } from './context.ts';
import { type LoadInput, openInputs } from './load-input.ts';
import { LoadRegistry } from './load-registry.ts';
import { dryRunReport, isWithoutEvents, type LoadResult, loadReport } from './load-report.ts';
import { type Sent, sendInputs } from './load-send.ts';
import {
  createValidator,
  type ReadingOptions,
  readOptionsOf,
  settingsOf,
  type ValidatorSettings,
} from './load-settings.ts';
import { type LoadTarget, localTarget, remoteTarget, SOURCE } from './load-target.ts';
import { progress, progressDone, say, terminalLogger, writeError } from './terminal.ts';

export interface LoadOptions extends CommonOptions, ReadingOptions {
  dryRun?: boolean;
  again?: boolean;
}

/** How often to look for what holds up a load. */
const PROBLEMS_MS = 5000;

/** Metrics that a dry run shows. */
const SHOWN_METRICS = ['traffic', 'responses', 'latency', 'audience', 'funnel', 'revenue'];

/** `load FILE...`: brings files into the pipeline and waits until they are archived, measured and in all stores. */
export async function load(files: string[], options: LoadOptions): Promise<void> {
  const given = await environmentOf(options);
  const settings = await settingsOf(options, given);
  // All of them, before the first line of one is stored.
  await using opened = await openInputs(files, readOptionsOf(options, settings.mapper));
  const loadInto = (target: LoadTarget, dataDir: string) =>
    loadInputs(target, { inputs: opened.inputs, settings, again: options.again === true, dataDir });
  // Awaited: copies of what came through a pipe are removed when this returns.
  if (options.dryRun) return await dryRun(options, given, loadInto);
  const run = await findRunning(given.dataDir);
  if (run) return report(options, await loadInto(remoteTarget(run), given.dataDir));
  const environment = await withEngine(given, say);
  const app = await openApp(environment, terminalLogger('warn'), { demo: 'end' });
  if (app.demoMovedTo) writeError(`The data of the demo were moved to ${app.demoMovedTo}.\n`);
  try {
    await app.startStores();
    report(options, await loadInto(localTarget(app), given.dataDir));
  } finally {
    await app.close(0);
  }
}

/** What is loaded, and how. */
export interface LoadWork {
  inputs: LoadInput[];
  settings: ValidatorSettings;
  again: boolean;
  dataDir: string;
}

/** Loads inputs, and waits until what they hold is counted. */
export async function loadInputs(target: LoadTarget, work: LoadWork): Promise<LoadResult> {
  const startedMs = performance.now();
  const showProblems = problemReporter(target);
  const registry = await LoadRegistry.open(work.dataDir);
  // What an earlier load has left is counted before this one begins, or its duplicates would pass for those of this one.
  if ((await target.ledger()).by_source[SOURCE]?.metrics.in_flight) {
    await target.settle(() => {
      progress('Waiting for lines of an earlier load ...');
      showProblems();
    });
  }
  const before = duplicatesIn(await target.ledger());
  const sent = await sendInputs(work.inputs, target, {
    createValidator: () => createValidator(work.settings),
    mapper: work.settings.mapper,
    timeZone: work.settings.normalize.time_zone ?? 'UTC',
    currencies: work.settings.currencies,
    registry,
    settings: JSON.stringify([work.settings.normalize, work.settings.mapper?.id]),
    again: work.again,
  });
  const { received, events, badRows, leftOut } = totals(sent);
  const storesBehind = await target
    .settle(() => {
      progress(`Loaded ${received} records; archiving and measuring ...`);
      showProblems();
    })
    .catch((error: Error) => {
      throw new CommandFailed(
        `All ${received} records are stored in the event log (${events} events, ${badRows} bad rows), and are counted when this is corrected: ${error.message}`,
      );
    });
  progressDone();
  const ledger = await target.ledger();
  return {
    sent,
    received,
    events,
    badRows,
    leftOut,
    map: work.settings.mapper?.name,
    // Somebody else's load at the same time may have more of them than this one has events.
    duplicates: Math.min(duplicatesIn(ledger) - before, events),
    storesBehind,
    seconds: Math.round(performance.now() - startedMs) / 1000,
    ledger,
  };
}

const duplicatesIn = (ledger: Ledger) => ledger.by_source[SOURCE]?.metrics.duplicate ?? 0;

function totals({ inputs }: Sent): Record<'received' | 'events' | 'badRows' | 'leftOut', number> {
  const sum = (key: 'received' | 'events' | 'badRows' | 'leftOut') =>
    inputs.reduce((total, input) => total + input[key], 0);
  return {
    received: sum('received'),
    events: sum('events'),
    badRows: sum('badRows'),
    leftOut: sum('leftOut'),
  };
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
  // Nothing of it counts: not a success, though every record is kept.
  if (isWithoutEvents(result)) process.exitCode = 1;
}

/** Whole pipeline in a folder that is thrown away, with the shop's time zone: nothing that the config names is touched. */
async function dryRun(
  options: LoadOptions,
  environment: Environment,
  loadInto: (target: LoadTarget, dataDir: string) => Promise<LoadResult>,
): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tillstream-dry-run-'));
  const { time_zone, batch } = environment.config;
  const config = CONFIG_SCHEMA.parse({ time_zone, batch });
  const app = await openApp(
    { ...environment, config, dataDir, roles: new Set(ROLES) },
    terminalLogger('warn'),
  );
  try {
    const result = await loadInto(localTarget(app), dataDir);
    const { json, text } = dryRunReport(result, await metricsOf(app));
    print(options, json, () => text);
    if (isWithoutEvents(result)) process.exitCode = 1;
  } finally {
    await app.close(0);
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function metricsOf(
  app: App,
): Promise<Record<string, { windows: number; total: Record<string, unknown>[]; overall?: unknown }>> {
  const metrics: Awaited<ReturnType<typeof metricsOf>> = {};
  for (const metric of SHOWN_METRICS) {
    const { rows, total, overall } = await app.backend.query({
      metric,
      window: '1d',
      fromMs: 0,
      toMs: now() + 86_400_000,
      total: true,
    });
    metrics[metric] = { windows: new Set(rows.map((row) => row.start)).size, total: total ?? [], overall };
  }
  return metrics;
}
