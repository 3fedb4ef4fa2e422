import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, fchmodSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type App,
  DataDirInUseError,
  dataDirError,
  isOther,
  openApp,
  type RuntimeConfig,
  readDemoMark,
  withEngine,
} from '../app/app.ts';
import { makePrivately } from '../system/access.ts';
import { now } from '../system/clock.ts';
import { makeFolder } from '../system/make-folder.ts';
import { MAIN_FILE, PAGE_DIR } from '../system/own-files.ts';
import { UsageError } from '../telemetry/errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Status } from '../telemetry/status.ts';
import {
  ask,
  CommandError,
  type CommonOptions,
  findRunning,
  print,
  removeRunFile,
  runtimeOf,
  writeRunFile,
} from './context.ts';
import { startDemo } from './demo.ts';
import { DRAIN_MS_MAX, writeStopped } from './down.ts';
import { type RunFile, requestOwner } from './owner.ts';
import { isTerminal, progress, progressDone, say, terminalLogger } from './terminal.ts';
import { isOwnConfig, startWith, unusedServers } from './with-services.ts';

export interface UpOptions extends CommonOptions {
  background?: boolean;
  demo?: boolean;
  roles?: string;
  with?: string;
}

const START_SECONDS_MAX = 120;
/** A signal of any program of this user must not open a port that runs code in the process. */
const NO_INSPECTOR = '--disable-sigusr1';
/** A process that is stopped ends after so long, whatever is still open. */
const EXIT_MS_MAX = 5000;

/** `up`: runs the pipeline, in the foreground until a signal, or in the background until `down`. */
export async function up(options: UpOptions): Promise<void> {
  if (options.with !== undefined) await startWithServices(options, options.with);
  const runtime = await runtimeOf(options, options.roles);
  const playsDemo = options.demo === true && options.roles === undefined && (await isDemoConfig(runtime));
  const running = await findRunning(runtime.dataDir);
  if (running) {
    await reportRunning(running, options, runtime, playsDemo);
    return;
  }
  if (options.background) {
    // Here, where progress can be seen; the process in the background then finds them in the cache.
    await withEngine(runtime, say);
    return upInBackground(options, runtime, playsDemo);
  }

  const logger = terminalLogger(runtime.config.log_level);
  const stopped = new Promise<string>((resolve) => {
    // A second SIGTERM, as of a second `down`, does not cut the draining short; a second Ctrl-C does.
    process.on('SIGTERM', resolve);
    process.once('SIGINT', resolve);
    // Of a terminal that was closed.
    process.on('SIGHUP', resolve);
  });
  const app = await openWhenFree(runtime, logger, playsDemo);
  if (app === null) {
    const other = await findRunning(runtime.dataDir);
    if (other) await reportRunning(other, options, runtime, playsDemo);
    return;
  }
  let isStarted = false;
  try {
    if (app.demoMovedTo) logger.info({ folder: app.demoMovedTo }, 'the data of the demo were moved aside');
    const token = randomBytes(32).toString('hex');
    const { url, socket } = await app.listen(PAGE_DIR, token);
    if (isTerminal()) {
      // Told below, in one block.
    } else if (app.demo) logger.info({}, `demo: ${DEMO_TEXT}`);
    else if (playsDemo) logger.info({}, NO_DEMO_TEXT);
    const demo = playsDemo && app.demo ? await startDemo(app, app.demo, logger) : null;
    await app.startStores();
    await app.startSources(demo ? [demo.source] : []);
    await writeRunFile(runtime.dataDir, { pid: process.pid, url, socket, token });
    isStarted = true;
    if (isTerminal())
      say(
        readyText({
          hasPage: runtime.roles.has('serve'),
          url,
          dataDir: runtime.dataDir,
          demo: app.demo !== null,
          playsDemo,
        }),
      );
    else logger.info({ url, data: runtime.dataDir }, 'ready');
    logger.info({ signal: await stopped }, 'stopping: draining the log');
    await demo?.stop();
  } finally {
    const before = app.lag();
    try {
      await writeStopped(runtime.dataDir, before, await app.close(DRAIN_MS_MAX));
    } finally {
      await removeRunFile(runtime.dataDir, process.pid);
      // What never ran is reported by its error alone.
      if (isStarted) logger.info({}, 'stopped');
      logger.flush();
      // What could not be closed must not keep the process.
      setTimeout(() => process.exit(process.exitCode ?? 1), EXIT_MS_MAX).unref();
    }
  }
}

/** Says that there is nothing to start, or what is different about what runs. */
async function reportRunning(
  running: RunFile,
  options: UpOptions,
  { config }: RuntimeConfig,
  playsDemo: boolean,
): Promise<void> {
  const { parts, demo } = await ask<Status>(running, 'GET', '/v1/status');
  if (demo && !playsDemo)
    throw new UsageError(
      `The demo runs on this data folder: ${running.url} (process ${running.pid}). Stop it with ./stop-pipeline.sh ` +
        '("tillstream down"), then start again: its data are moved aside.',
    );
  const missing = config.stores.find((store) => isOther(store) && !parts[store.kind]);
  if (missing)
    throw new UsageError(
      `Tillstream is already running, without the store ${missing.kind}: ${running.url} (process ${running.pid}). Stop it with ./stop-pipeline.sh, then start it again.`,
    );
  print(
    options,
    { running: true, pid: running.pid, url: running.url, already: true },
    () => `Tillstream is already running: ${running.url} (process ${running.pid}).`,
  );
}

/**
 * Opens the data folder, once whoever has it open is done: a command such as load. Null when that is another `up`, started at the
 * same moment, which serves the folder by now.
 */
async function openWhenFree(runtime: RuntimeConfig, logger: Logger, playsDemo: boolean): Promise<App | null> {
  const deadline = now() + START_SECONDS_MAX * 1000;
  for (let tries = 0; ; tries++) {
    try {
      return await openApp(runtime, logger, { fillLater: true, demo: playsDemo ? 'play' : 'end' });
    } catch (error) {
      if (!(error instanceof DataDirInUseError) || now() > deadline) throw error;
      if (tries === 0) logger.info({}, `waiting: ${error.message}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
    // It may be too busy to answer while it starts.
    const other = await findRunning(runtime.dataDir).catch(() => null);
    if (other) return null;
  }
}

const DEMO_TEXT =
  'a simulated shop. It takes no events of your own: ./stop-pipeline.sh, then ./start-pipeline.sh --no-demo';
const NO_DEMO_TEXT = 'Without the simulated shop: this data folder is not one of the demo.';

/** The simulated shop stands in for a shop only where no config of the user says what the pipeline is for. */
async function isDemoConfig({ config, configFile }: RuntimeConfig): Promise<boolean> {
  return config.sources.length === 0 && (configFile === undefined || (await isOwnConfig(configFile)));
}

async function startWithServices(options: UpOptions, list: string): Promise<void> {
  if (options.config ?? process.env.TILLSTREAM_CONFIG)
    throw new UsageError(
      '--with writes its own config; leave out --config and TILLSTREAM_CONFIG, or --with.',
    );
  const { dataDir } = await runtimeOf(options);
  const running = await findRunning(dataDir);
  if (!running) return startWith(list, dataDir);
  const unused = await unusedServers(list, dataDir);
  if (unused.length > 0)
    throw new UsageError(
      `Tillstream is already running, without ${unused.join(', ')}: ${running.url} (process ${running.pid}). Stop it with ./stop-pipeline.sh, then start it again.`,
    );
}

async function upInBackground(options: UpOptions, runtime: RuntimeConfig, playsDemo: boolean): Promise<void> {
  const { dataDir } = runtime;
  const hadDemo = (await readDemoMark(dataDir)) !== null;
  const logFile = join(dataDir, 'tillstream.log');
  const output = openLogFile(logFile, dataDir);
  const logStart = readFileSync(logFile).length;
  const args = ['up', '--data', dataDir];
  if (options.config) args.push('--config', options.config);
  if (options.demo) args.push('--demo');
  if (options.roles) args.push('--roles', options.roles);
  const nodeArgs = new Set([...process.execArgv, NO_INSPECTOR]);
  const child = spawn(process.execPath, [...nodeArgs, MAIN_FILE, ...args], {
    detached: true,
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  child.unref();
  const exited = new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
  const deadline = now() + START_SECONDS_MAX * 1000;
  for (;;) {
    const code = await Promise.race([
      exited,
      new Promise<null>((resolve) => setTimeout(() => resolve(null), 100)),
    ]);
    // It may be too busy to answer while it starts.
    const run = await findRunning(dataDir).catch(() => null);
    if (run && (await isReady(run))) {
      progressDone();
      if (run.pid !== child.pid) return reportRunning(run, options, runtime, playsDemo);
      const demo = (await readDemoMark(dataDir)) !== null;
      print(options, { running: true, pid: run.pid, url: run.url, log: logFile, data: dataDir, demo }, () =>
        [
          readyText({
            hasPage: runtime.roles.has('serve'),
            url: run.url,
            dataDir,
            logFile,
            demo,
            playsDemo,
          }),
          ...(hadDemo && !demo ? [`The data of the demo were moved to ${newestAside(dataDir)}.`] : []),
        ].join('\n'),
      );
      return;
    }
    if (run) await refuseFailed(run, dataDir);
    if (code !== null && !run) {
      const words = tail(logFile, logStart);
      const message =
        words === ''
          ? `It did not start, and nothing is in its log ${logFile}. Is the disk full? "tillstream up" shows why.`
          : `It did not start:\n${words}`;
      throw code === 2 ? new UsageError(message) : new CommandError(message);
    }
    if (now() > deadline) {
      throw new CommandError(
        `It is not ready after ${START_SECONDS_MAX} s, and continues to start. See ${logFile} and "tillstream status".`,
      );
    }
    progress('Starting ...');
  }
}

/** Opens the log of a process in the background, in the data folder, which is made. */
function openLogFile(file: string, dataDir: string): number {
  makePrivately();
  try {
    makeFolder(dataDir);
    const output = openSync(file, 'a', 0o600);
    fchmodSync(output, 0o600);
    return output;
  } catch (error) {
    throw dataDirError(dataDir, error);
  }
}

/** What somebody wants to know who has started it. Without a log file it runs in the foreground. */
function readyText(of: {
  /** Whether the process has the dashboard. */
  hasPage: boolean;
  url: string;
  dataDir: string;
  logFile?: string;
  demo: boolean;
  playsDemo: boolean;
}): string {
  return [
    'Tillstream is ready.',
    `  ${of.hasPage ? 'Dashboard' : 'Address  '}  ${of.url}`,
    `  Data       ${of.dataDir}`,
    of.logFile ? `  Log        ${of.logFile}` : '  Stop       Ctrl-C, or ./stop-pipeline.sh',
    ...(of.demo ? [`  Demo       ${DEMO_TEXT}`] : []),
    ...(of.playsDemo && !of.demo ? [NO_DEMO_TEXT] : []),
  ].join('\n');
}

/** Where the process has just moved the data of a demo. */
function newestAside(dataDir: string): string {
  const names = readdirSync(dataDir).filter((name) => /^demo-\d/.test(name));
  return join(dataDir, names.sort().at(-1) ?? 'demo');
}

/** What needs a person will not become ready; the other parts go on meanwhile. */
async function refuseFailed(run: RunFile, dataDir: string): Promise<void> {
  const failed = await ask<Status>(run, 'GET', '/v1/status').then(
    // A log or archive on a server that is away comes back by itself.
    ({ parts: { metrics } }) => (metrics?.state === 'failed' ? metrics.message : null),
    () => null,
  );
  if (failed === null) return;
  throw new CommandError(
    `It runs, and takes and archives lines, but the metrics can't be computed: ${failed}\n` +
      `It will be retried. After a change of the config, run "tillstream down", then "up". See "tillstream status" and ${join(dataDir, 'tillstream.log')}.`,
  );
}

async function isReady(run: RunFile): Promise<boolean> {
  return requestOwner(run, 'GET', '/readyz', { signal: AbortSignal.timeout(5000) }).then(
    ({ ok, body }) => {
      body.resume();
      return ok;
    },
    () => false,
  );
}

/** What the process wrote in its last moments, without the frame of JSON. */
function tail(file: string, from: number): string {
  const text = readFileSync(file).subarray(from).toString('utf8').trim();
  if (text === '') return '';
  return text
    .split('\n')
    .slice(-8)
    .map((line) => {
      try {
        const entry = JSON.parse(line) as { msg?: string; err?: { message?: string } };
        return `  ${entry.msg ?? line}${entry.err?.message ? `: ${entry.err.message}` : ''}`;
      } catch {
        // Not of the logger: shown as it is.
        return `  ${line}`;
      }
    })
    .join('\n');
}
