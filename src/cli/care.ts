import { statfs } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type App, configuredSinks, configuredSources, openApp } from '../app.ts';
import { UsageError } from '../domain/errors.ts';
import type { Status } from '../domain/status.ts';
import type { CompactResult, VacuumResult } from '../ports/archive.ts';
import type { RebuildResult } from '../ports/engine.ts';
import { createLogger } from '../telemetry/logger.ts';
import {
  ask,
  type CommonOptions,
  environmentOf,
  findRunning,
  onData,
  print,
  progress,
  progressDone,
  table,
} from './context.ts';

/** `compact`: merges small files of the archive. */
export async function compact(options: CommonOptions): Promise<void> {
  const result = await onData<CompactResult>(options, {
    remote: (run) => ask(run, 'POST', '/v1/admin/compact'),
    local: (app) => app.backend.compact(),
  });
  print(options, result, () =>
    result.filesBefore === 0
      ? 'There are no small files to merge.'
      : `Merged ${result.filesBefore} files into ${result.filesAfter}.`,
  );
}

/** `vacuum`: deletes files that no version of the last hours needs. */
export async function vacuum(options: CommonOptions & { retentionHours: string }): Promise<void> {
  const { retentionHours: hours } = options;
  if (!/^\d{1,7}$/.test(hours))
    throw new UsageError('--retention-hours is a whole number of hours, 0 or more.');
  const result = await onData<VacuumResult>(options, {
    remote: (run) => ask(run, 'POST', `/v1/admin/vacuum?retention_hours=${hours}`),
    local: (app) => app.backend.vacuum(Number(hours)),
  });
  print(
    options,
    result,
    () =>
      `Deleted ${result.filesDeleted} files (${result.bytesFreed} bytes) and ${result.logFilesDeleted} files of the tables' logs.`,
  );
}

/** `rebuild`: computes windows anew from the archive; with --diff only compares (exit code 1 when they differ). */
export async function rebuild(
  options: CommonOptions & { from?: string; to?: string; diff?: boolean },
): Promise<void> {
  const time = (text: string | undefined, fallback: number) => {
    const value = text === undefined ? fallback : Date.parse(text);
    if (Number.isNaN(value)) throw new UsageError(`"${text}" is no time: use ISO 8601.`);
    return value;
  };
  const range =
    options.from || options.to ? { fromMs: time(options.from, 0), toMs: time(options.to, Date.now()) } : null;
  if (range && range.fromMs >= range.toMs) throw new UsageError('--from is not before --to.');
  const result = await onData<RebuildResult>(options, {
    remote: (run) => {
      const parameters = new URLSearchParams(
        range ? { from: String(range.fromMs), to: String(range.toMs) } : {},
      );
      if (options.diff) parameters.set('diff', 'true');
      return ask(run, 'POST', `/v1/admin/rebuild?${parameters}`);
    },
    local: async (app) => {
      await app.settle();
      return app.backend.rebuild(range, options.diff ?? false);
    },
  });
  print(options, result, () => {
    const head = options.diff
      ? `Compared ${result.windows} windows with the archive: ${result.differences} points differ.`
      : `Computed ${result.windows} windows from the archive.`;
    return result.examples.length === 0 ? head : `${head}\n${JSON.stringify(result.examples, null, 2)}`;
  });
  if (result.differences > 0) process.exitCode = 1;
}

/** A cluster may have much to do before it gives a job its place. */
const SPARK_MS_MAX = 120_000;

interface Finding {
  part: string;
  ok: boolean;
  message: string;
}

/** `check`: the config and each adapter, tried once the way normal work does; stores nothing. */
export async function check(options: CommonOptions): Promise<void> {
  const findings = await findProblems(options);
  report(options, findings);
}

/** `doctor`: what `check` does, and the state of the machine and of the running process, with what to do. */
export async function doctor(options: CommonOptions): Promise<void> {
  const findings = await findProblems(options);
  const { dataDir } = await environmentOf(options);
  findings.push({
    part: 'node',
    ok: Number(process.versions.node.split('.')[0]) >= 24,
    message: `${process.version} (24 or newer is needed)`,
  });
  const { bavail, bsize } = await statfs(dataDir);
  const free = bavail * bsize;
  findings.push({
    part: 'disk',
    ok: free > 2 * 1024 ** 3,
    message: `${(free / 1024 ** 3).toFixed(1)} GiB free at ${dataDir}`,
  });
  report(options, findings);
}

async function findProblems(options: CommonOptions): Promise<Finding[]> {
  const environment = await environmentOf(options);
  const findings: Finding[] = [
    { part: 'config', ok: true, message: environment.configFile ?? 'no file: the embedded default' },
  ];
  const attempt = async (part: string, work: () => Promise<string>) => {
    const finding = await work().then(
      (message) => ({ part, ok: true, message }),
      (error) => ({ part, ok: false, message: error instanceof Error ? error.message : String(error) }),
    );
    findings.push(finding);
  };
  const run = await findRunning(environment.dataDir);
  if (run) {
    const current = await ask<Status>(run, 'GET', '/v1/status');
    for (const [part, { state, message }] of Object.entries(current.parts)) {
      findings.push({ part, ok: state === 'ready', message: message || state });
    }
  } else {
    await attempt('data folder, log, archive, metrics', async () => {
      const isSpark = environment.config.engine.kind === 'spark';
      // What Spark says is among the findings.
      const app = await openApp(environment, createLogger(isSpark ? 'fatal' : 'error'));
      const { received } = app.backend.ledger();
      if (isSpark) findings.push(await sparkStarted(app));
      await app.close(0);
      return `open; ${received} lines received so far`;
    });
  }
  const refuse = async () => {
    throw new UsageError('check stores nothing');
  };
  for (const source of configuredSources(environment, refuse, createLogger('error'))) {
    await attempt(`source ${source.name}`, () => source.check());
  }
  const { config, dataDir } = environment;
  for (const { name, sink } of configuredSinks(config.stores, { dataDir, logger: createLogger('error') })) {
    await attempt(`store ${name}`, () => sink.check());
  }
  return findings;
}

/** Waits until an engine that is another program works, or can't. */
async function sparkStarted(app: App): Promise<Finding> {
  const deadline = Date.now() + SPARK_MS_MAX;
  const metrics = () =>
    app.backend.status().parts.metrics ?? { state: 'ready', message: 'not in this process' };
  while (!['ready', 'failed'].includes(metrics().state) && Date.now() < deadline) {
    progress('Starting Spark ...');
    await sleep(200);
  }
  const { state, message } = metrics();
  return { part: 'Spark', ok: state === 'ready', message: message || 'works' };
}

function report(options: CommonOptions, findings: Finding[]): void {
  progressDone();
  const ok = findings.every((finding) => finding.ok);
  print(options, { ok, findings }, () =>
    table(findings.map(({ part, ok: fine, message }) => ({ part, state: fine ? 'ok' : 'PROBLEM', message }))),
  );
  if (!ok) process.exitCode = 1;
}
