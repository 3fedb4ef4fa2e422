import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { configuredSinks, type Environment, holderOf, openApp } from '../app.ts';
import { UsageError } from '../domain/errors.ts';
import type { Status } from '../domain/status.ts';
import { createLogger } from '../telemetry/logger.ts';
import {
  ask,
  CommandFailed,
  type CommonOptions,
  environmentOf,
  findRunning,
  PAGE_DIR,
  PROJECT_DIR,
  print,
  progress,
  progressDone,
  type RunFile,
  readRunFile,
  removeRunFile,
  writeRunFile,
} from './context.ts';
import { startDemo } from './demo.ts';
import { startWith, stopWith } from './with-services.ts';

export interface UpOptions extends CommonOptions {
  background?: boolean;
  demo?: boolean;
  checkStores?: boolean;
  roles?: string;
  with?: string;
}

const START_SECONDS_MAX = 120;
/** How long a stopping process may take to archive and measure what the log holds. */
const DRAIN_MS_MAX = 60_000;

/** `up`: runs the pipeline, in the foreground until a signal, or in the background until `down`. */
export async function up(options: UpOptions): Promise<void> {
  if (options.with !== undefined) await startWithServices(options, options.with);
  const environment = await environmentOf(options, options.roles);
  if (options.checkStores) await checkStores(environment);
  const running = await findRunning(environment.dataDir);
  if (running) {
    const { parts } = await ask<Status>(running, 'GET', '/v1/status');
    if (
      options.checkStores &&
      environment.config.stores.some(({ kind }) => kind !== 'duckdb') &&
      !parts.influxdb
    )
      throw new UsageError(
        `It runs already, without this InfluxDB: ${running.url} (process ${running.pid}). Stop it, then start it again.`,
      );
    print(
      options,
      { running: true, pid: running.pid, url: running.url, already: true },
      () => `It runs already: ${running.url} (process ${running.pid}).`,
    );
    return;
  }
  if (options.background) return upInBackground(options, environment.dataDir);

  const logger = createLogger(environment.config.log_level);
  const stopped = new Promise<string>((resolve) => {
    // A second SIGTERM, as of a second `down`, does not cut the draining short; a second Ctrl-C does.
    process.on('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
  const app = await openApp(environment, logger, { fillLater: true });
  try {
    const token = randomBytes(32).toString('hex');
    const url = await app.listen(PAGE_DIR, token);
    // The simulated shop stands in for sources only where none is configured.
    const demo =
      options.demo && environment.config.sources.length === 0 ? await startDemo(app, logger) : null;
    await app.startStores();
    app.startSources(demo ? [demo.source] : []);
    await writeRunFile(environment.dataDir, { pid: process.pid, url, token });
    logger.info({ url, data: environment.dataDir }, 'ready');
    logger.info({ signal: await stopped }, 'stopping: draining the log');
    await demo?.stop();
  } finally {
    await app.close(DRAIN_MS_MAX);
    await removeRunFile(environment.dataDir, process.pid);
    logger.info({}, 'stopped');
    logger.flush();
  }
}

async function startWithServices(options: UpOptions, list: string): Promise<void> {
  if (options.config ?? process.env.TILLSTREAM_CONFIG)
    throw new UsageError(
      '--with writes its own config; leave out --config and TILLSTREAM_CONFIG, or --with.',
    );
  const { dataDir } = await environmentOf(options);
  if (!(await findRunning(dataDir))) await startWith(list, dataDir);
}

/** Refuses to start with a store that does not take points; a start without this check goes on trying. */
async function checkStores({ config, dataDir }: Environment): Promise<void> {
  for (const { sink } of configuredSinks(config.stores, { dataDir, logger: createLogger('error') })) {
    await sink.check().catch((error: Error) => {
      throw new UsageError(`${error.message} Nothing was started.`);
    });
  }
}

async function upInBackground(options: UpOptions, dataDir: string): Promise<void> {
  await mkdir(dataDir, { recursive: true }).catch((error) => {
    throw new UsageError(`The data folder ${dataDir} can't be made: ${error.message}.`);
  });
  const logFile = join(dataDir, 'tillstream.log');
  const output = openSync(logFile, 'a');
  const logStart = readFileSync(logFile).length;
  const args = ['up', '--data', dataDir];
  if (options.config) args.push('--config', options.config);
  if (options.demo) args.push('--demo');
  if (options.roles) args.push('--roles', options.roles);
  const child = spawn(process.execPath, [...process.execArgv, join(PROJECT_DIR, 'src', 'main.ts'), ...args], {
    detached: true,
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  child.unref();
  const exited = new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
  const deadline = Date.now() + START_SECONDS_MAX * 1000;
  for (;;) {
    const code = await Promise.race([
      exited,
      new Promise<null>((resolve) => setTimeout(() => resolve(null), 100)),
    ]);
    const run = await findRunning(dataDir);
    if (run && (await isReady(run.url))) {
      progressDone();
      print(options, { running: true, pid: run.pid, url: run.url, log: logFile, data: dataDir }, () =>
        [
          `Tillstream is ready.`,
          `  Dashboard  ${run.url}`,
          `  Data       ${dataDir}`,
          `  Log        ${logFile}`,
        ].join('\n'),
      );
      return;
    }
    if (run) await refuseFailed(run, dataDir);
    if (code !== null && !run) {
      const message = `It did not start:\n${tail(logFile, logStart)}`;
      throw code === 2 ? new UsageError(message) : new CommandFailed(message);
    }
    if (Date.now() > deadline) {
      throw new CommandFailed(
        `It is not ready after ${START_SECONDS_MAX} s; it goes on starting. See ${logFile} and "tillstream status".`,
      );
    }
    progress('Starting ...');
  }
}

/** What needs a person will not become ready; the other parts go on meanwhile. */
async function refuseFailed(run: RunFile, dataDir: string): Promise<void> {
  const failed = await ask<Status>(run, 'GET', '/v1/status').then(
    // A log or archive on a server that is away comes back by itself.
    ({ parts: { metrics } }) => (metrics?.state === 'failed' ? metrics.message : null),
    () => null,
  );
  if (failed === null) return;
  throw new CommandFailed(
    `It runs, and takes and archives lines, but the metrics can't be computed: ${failed}\n` +
      `It is tried again and again; for settings of the config: "tillstream down", then "up". See "tillstream status" and ${join(dataDir, 'tillstream.log')}.`,
  );
}

async function isReady(url: string): Promise<boolean> {
  return fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5000) }).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** What the process wrote in its last moments, without the frame of JSON. */
function tail(file: string, from: number): string {
  const lines = readFileSync(file).subarray(from).toString('utf8').trim().split('\n').slice(-8);
  return lines
    .map((line) => {
      try {
        const entry = JSON.parse(line) as { msg?: string; err?: { message?: string } };
        return `  ${entry.msg ?? line}${entry.err?.message ? `: ${entry.err.message}` : ''}`;
      } catch {
        return `  ${line}`;
      }
    })
    .join('\n');
}

/** `down`: stops the process of the data folder after it has drained. Harmless when none runs. */
export async function down(options: CommonOptions): Promise<void> {
  const { dataDir } = await environmentOf(options);
  const run = await findRunning(dataDir);
  const pid = run?.pid ?? (await findSilent(dataDir));
  if (pid === null) {
    const stale = await readRunFile(dataDir);
    if (stale) await removeRunFile(dataDir, stale.pid);
    const servers = await stopWith(dataDir);
    print(options, { stopped: false, running: false, servers }, () =>
      ['Nothing runs on this data folder.', ...serversStopped(servers)].join('\n'),
    );
    return;
  }
  // Another "down" may have come first: then it may end at any moment, and what it drained is not known here.
  const drained: Record<string, number> = run
    ? await ask<Status>(run, 'GET', '/v1/status').then(
        ({ lag }) => lag,
        () => ({}),
      )
    : {};
  if (isAlive(pid)) process.kill(pid, 'SIGTERM');
  const deadline = Date.now() + DRAIN_MS_MAX + 15_000;
  while (isAlive(pid)) {
    if (Date.now() > deadline)
      throw new CommandFailed(`Process ${pid} is still draining; look at "tillstream status".`);
    progress('Draining ...');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  progressDone();
  const servers = await stopWith(dataDir);
  print(options, { stopped: true, pid, drained, servers }, () =>
    [`Stopped process ${pid}.${drainedText(drained)}`, ...serversStopped(servers)].join('\n'),
  );
}

function drainedText(lag: Record<string, number>): string {
  const parts = Object.entries(lag).map(([reader, lines]) => `${lines} lines to ${reader}`);
  return parts.length > 0 ? ` Drained ${parts.join(', ')}.` : '';
}

const serversStopped = (servers: string[]) =>
  servers.length > 0 ? [`Stopped the servers: ${servers.join(', ')}. Their data stay.`] : [];

/** Process id of an `up` that does not answer: it is starting, draining, or hangs. */
async function findSilent(dataDir: string): Promise<number | null> {
  const holder = await holderOf(dataDir);
  if (holder === null) return null;
  if (holder === (await readRunFile(dataDir))?.pid) return holder;
  throw new CommandFailed(
    `Process ${holder} has the data folder open, but is not serving it: a command such as load, or a start that is not ready yet. Try again when it is done.`,
  );
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    // A process that has ended stays in the table until its parent asks for it, which in a container may be never.
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return !existsSync('/proc/self/stat');
  }
}
