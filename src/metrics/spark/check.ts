import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { UsageError } from '../../telemetry/errors.ts';
import { reasonOf } from '../../telemetry/system-error.ts';
import type { ReadySparkConfig } from './config.ts';
import { checkJars, checkYarn } from './driver-session.ts';
import { explain, type Failure, JAVA_NEEDED, wrongVersion } from './explain.ts';

const PROGRAM_MS_MAX = 20_000;
const CONNECT_MS_MAX = 3000;
const JAVA_OLDEST = 17;
const RESOURCE_MANAGER_PORT = 8032;

/**
 * Tries what Spark needs, in seconds and without starting it: the Python with pyspark, Java, the jars, and whether the master
 * can be reached. Gives a sentence for people, or throws UsageError. Whether the cluster has room for the job only shows later.
 */
export async function checkSpark(config: ReadySparkConfig): Promise<string> {
  checkJars(config);
  if (config.master === 'yarn') checkYarn(config);
  const problem = (await checkPython(config)) ?? (await checkJava()) ?? (await checkMaster(config));
  if (problem) throw new UsageError(problem);
  return `pyspark and Java are there, and ${config.master.startsWith('local') ? 'the job runs on this machine' : `${config.master} is reachable`}`;
}

async function checkPython({ python, master }: ReadySparkConfig): Promise<string | null> {
  const { code, signal, stdout, stderr } = await run(python, [
    '-c',
    'import pyspark; print(pyspark.__version__)',
  ]);
  const failure: Failure | null =
    code === 0
      ? wrongVersion('pyspark', stdout.trim(), python)
      : explain({ code, signal, stderr, hasBegun: false }, { python, master });
  return failure?.message ?? null;
}

/** As Spark itself finds it: JAVA_HOME, else PATH. */
async function checkJava(): Promise<string | null> {
  const { JAVA_HOME: home } = process.env;
  const { code, stderr } = await run(home ? join(home, 'bin', 'java') : 'java', ['-version']);
  if (code !== 0)
    return home
      ? `JAVA_HOME is ${home}, and ${join(home, 'bin', 'java')} does not run. ${JAVA_NEEDED}.`
      : `Spark needs Java, and none was found in PATH. ${JAVA_NEEDED}, or set JAVA_HOME.`;
  // Up to Java 8 the version began with "1.".
  const version = Number(/version "(\d+)/.exec(stderr)?.[1] ?? JAVA_OLDEST);
  return version < JAVA_OLDEST
    ? `The Java that Spark would use is ${stderr.split('\n')[0]}, which is too old. ${JAVA_NEEDED}.`
    : null;
}

async function checkMaster({ master, hadoop_conf_dir: dir }: ReadySparkConfig): Promise<string | null> {
  if (master === 'yarn') {
    const address = await resourceManager(dir);
    const problem = address && (await reach(address));
    return problem
      ? `YARN's ResourceManager at ${address} can't be reached (${problem}). Check that it runs, and yarn-site.xml in engine.hadoop_conf_dir.`
      : null;
  }
  // The last of several is as good as the first: one of them leads.
  const addresses = /^spark:\/\/(.+)$/.exec(master)?.[1]?.split(',') ?? [];
  const problems = await Promise.all(addresses.map(reach));
  if (problems.length === 0 || problems.includes(null)) return null;
  return `Spark's master at ${master} can't be reached (${problems[0]}). Check that it runs, and engine.master.`;
}

/** Client address of the ResourceManager in yarn-site.xml; null where it names none that can be told. */
async function resourceManager(dir: string | undefined): Promise<string | null> {
  for (const folder of [dir, process.env.YARN_CONF_DIR, process.env.HADOOP_CONF_DIR]) {
    // The next folder may have it.
    const text = folder && (await readFile(join(folder, 'yarn-site.xml'), 'utf8').catch(() => ''));
    if (!text) continue;
    const value = (name: string) =>
      new RegExp(
        `<name>\\s*${name.replaceAll('.', '\\.')}\\s*</name>\\s*<value>\\s*([^<\\s$]+)\\s*</value>`,
      ).exec(text)?.[1];
    const host = value('yarn.resourcemanager.hostname');
    return value('yarn.resourcemanager.address') ?? (host ? `${host}:${RESOURCE_MANAGER_PORT}` : null);
  }
  return null;
}

/** Null when something listens at the address, else why not. */
function reach(address: string): Promise<string | null> {
  const at = address.lastIndexOf(':');
  const [host, port] = [address.slice(0, at).replace(/^\[|\]$/g, ''), Number(address.slice(at + 1))];
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: CONNECT_MS_MAX });
    const end = (problem: string | null) => {
      socket.destroy();
      resolve(problem);
    };
    socket.once('connect', () => end(null));
    socket.once('timeout', () => end(`no answer within ${CONNECT_MS_MAX / 1000} s`));
    socket.once('error', (error: NodeJS.ErrnoException) => end(reasonOf(error)));
  });
}

interface Ran {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

function run(program: string, args: string[]): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: PROGRAM_MS_MAX }, (error, stdout, stderr) => {
      // A program that could not be started has a code of the system in place of a number.
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
      resolve({ code, signal: error?.signal ?? null, stdout, stderr: stderr || (error?.message ?? '') });
    });
  });
}
