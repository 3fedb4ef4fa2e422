import { constants, existsSync, statSync } from 'node:fs';
import { access, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { configuredSources, followerChecks, holderOf, storageChecks } from '../app/app.ts';
import type { CompactResult, VacuumResult } from '../archive/archive.ts';
import type { RebuildResult } from '../metrics/engine.ts';
import { OPTIONS, parseTimeRange } from '../query/metric-query.ts';
import { now } from '../system/clock.ts';
import { UsageError } from '../telemetry/errors.ts';
import type { Status } from '../telemetry/status.ts';
import { messageOf } from '../telemetry/system-error.ts';
import { counted } from '../telemetry/words.ts';
import { ask, type CommonOptions, findRunning, onData, print, runtimeOf, table } from './context.ts';
import { wholeNumber } from './numbers.ts';
import { terminalLogger } from './terminal.ts';

/** `compact`: merges small files of the archive. */
export async function compact(options: CommonOptions): Promise<void> {
  const result = await onData<CompactResult>(options, {
    remote: (run) => ask(run, 'POST', '/v1/admin/compact'),
    local: (app) => app.backend.compact(),
  });
  print(options, result, () =>
    result.filesBefore === 0
      ? 'There are no small files to merge.'
      : `Merged ${counted(result.filesBefore, 'file')} into ${result.filesAfter}.`,
  );
}

/** `vacuum`: deletes files that no version of the last hours needs. */
export async function vacuum(options: CommonOptions & { retentionHours: string }): Promise<void> {
  const hours = wholeNumber('--retention-hours', options.retentionHours, 0, 1_000_000);
  const result = await onData<VacuumResult>(options, {
    remote: (run) => ask(run, 'POST', `/v1/admin/vacuum?retention_hours=${hours}`),
    local: (app) => app.backend.vacuum(hours),
  });
  print(
    options,
    result,
    () =>
      `Deleted ${counted(result.filesDeleted, 'file')} (${counted(result.bytesFreed, 'byte')}) and ${counted(result.logFilesDeleted, 'file')} of the tables' logs.`,
  );
}

/** `rebuild`: computes windows again from the archive; with --diff only compares (exit code 1 when they differ). */
export async function rebuild(
  options: CommonOptions & { from?: string; to?: string; diff?: boolean },
): Promise<void> {
  const { from, to } = options;
  const rangeIn = (timeZone: string) =>
    parseTimeRange({ from, to }, { timeZone, nowMs: now(), wording: OPTIONS });
  const result = await onData<RebuildResult>(options, {
    remote: async (run) => {
      const { time_zone: timeZone } = await ask<Status>(run, 'GET', '/v1/status');
      const range = rangeIn(timeZone);
      const parameters = new URLSearchParams(
        range === null ? {} : { from: String(range.fromMs), to: String(range.toMs) },
      );
      if (options.diff) parameters.set('diff', 'true');
      return ask(run, 'POST', `/v1/admin/rebuild?${parameters}`);
    },
    local: async (app) => {
      const range = rangeIn(app.backend.timeZone);
      await app.waitUntilIdle();
      return app.backend.rebuild(range, options.diff ?? false);
    },
  });
  print(options, result, () => {
    const head = options.diff
      ? `Compared ${counted(result.windows, 'window')} with the archive: ${counted(result.differences, 'row')} ${result.differences === 1 ? 'differs' : 'differ'}.`
      : `Computed ${counted(result.windows, 'window')} from the archive.`;
    return result.examples.length === 0 ? head : `${head}\n${JSON.stringify(result.examples, null, 2)}`;
  });
  if (result.differences > 0) process.exitCode = 1;
}

interface CheckResult {
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
  const { dataDir } = await runtimeOf(options);
  findings.push({
    part: 'node',
    ok: Number(process.versions.node.split('.')[0]) >= 24,
    message: `${process.version} (needs 24 or newer)`,
  });
  const { bavail, bsize } = await statfs(existingPart(dataDir));
  const free = bavail * bsize;
  findings.push({
    part: 'disk',
    ok: free > 2 * 1024 ** 3,
    message: `${(free / 1024 ** 3).toFixed(1)} GiB free at ${dataDir}`,
  });
  report(options, findings);
}

async function findProblems(options: CommonOptions): Promise<CheckResult[]> {
  const runtime = await runtimeOf(options);
  const findings: CheckResult[] = [
    { part: 'config', ok: true, message: runtime.configFile ?? 'no config file: the defaults' },
  ];
  for (const message of runtime.warnings)
    findings.push({ part: 'config', ok: true, message: `WARNING: ${message}` });
  const attempt = async (part: string, work: () => Promise<string>) => {
    const finding = await work().then(
      (message) => ({ part, ok: true, message }),
      (error) => ({ part, ok: false, message: messageOf(error) }),
    );
    findings.push(finding);
  };
  const run = await findRunning(runtime.dataDir);
  if (run) {
    const current = await ask<Status>(run, 'GET', '/v1/status');
    for (const [part, { state, message }] of Object.entries(current.parts)) {
      findings.push({ part, ok: state === 'ready', message: message || state });
    }
  } else {
    await attempt('data folder', () => checkDataFolder(runtime.dataDir));
    const logger = terminalLogger('fatal');
    for (const { part, run } of [
      ...storageChecks(runtime, logger),
      ...(await followerChecks(runtime, logger)),
    ])
      await attempt(part, run);
  }
  const refuse = async () => {
    throw new UsageError('check stores nothing');
  };
  for (const source of await configuredSources(runtime, refuse, terminalLogger('error'))) {
    await attempt(`source ${source.name}`, () => source.check());
  }
  return findings;
}

/** The path, or what is there of it. */
function existingPart(path: string): string {
  return existsSync(path) ? path : existingPart(dirname(path));
}

/** Whether a start can write there; leaves nothing behind. */
async function checkDataFolder(dataDir: string): Promise<string> {
  const holder = await holderOf(dataDir);
  if (holder !== null) return `${dataDir} is open in process ${holder}`;
  const folder = existingPart(dataDir);
  if (!statSync(folder).isDirectory())
    throw new UsageError(
      `${folder} is a file, not a folder. Set --data or TILLSTREAM_DATA to your own folder.`,
    );
  await access(folder, constants.W_OK).catch(() => {
    throw new UsageError(`${folder} can't be written to. Set --data or TILLSTREAM_DATA to your own folder.`);
  });
  return folder === dataDir ? `${dataDir} is writable` : `${dataDir} does not exist yet; a start creates it`;
}

function report(options: CommonOptions, findings: CheckResult[]): void {
  const ok = findings.every((finding) => finding.ok);
  print(options, { ok, findings }, () =>
    table(
      findings.map(({ part, ok: fine, message }) => ({
        component: part,
        state: fine ? 'ok' : 'PROBLEM',
        message,
      })),
    ),
  );
  if (!ok) process.exitCode = 1;
}
