import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';
import { reasonOf } from '../../src/telemetry/system-error.ts';
import { ServiceError } from './failure.ts';
import { JAVA_OLDEST } from './versions.ts';

/** Absolute path of a program of PATH; null where there is none. */
export function findProgram(name: string): string | null {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    if (!folder.startsWith('/')) continue;
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      if (statSync(path).isFile()) return path;
    } catch {
      // Not here.
    }
  }
  return null;
}

/** Path of a Java that is new enough. */
export async function findJava(title: string): Promise<string> {
  const java = findProgram('java');
  if (!java) {
    throw new ServiceError(
      `${title} needs Java ${JAVA_OLDEST} or newer, and there is no java in PATH. ` +
        'Install it (Debian: apt-get install openjdk-17-jre-headless), then start again.',
    );
  }
  // java -version writes: openjdk version "17.0.15" 2025-04-15. Up to Java 8 the version began with "1.".
  const { output } = await run(java, ['-version'], {});
  const [, version] = /version "(\d+)/.exec(output) ?? [];
  if (version && Number(version) < JAVA_OLDEST) {
    throw new ServiceError(
      `${title} needs Java ${JAVA_OLDEST} or newer, and ${java} is older (${output.split('\n')[0]}). ` +
        'Install a newer one (Debian: apt-get install openjdk-17-jre-headless) and put it first in PATH.',
    );
  }
  return java;
}

/** The variable by which programs that start a Java of their own find this one; not set where it is only a script that finds Java. */
export function javaHome(java: string): { JAVA_HOME?: string } {
  const folder = dirname(java);
  return basename(folder) === 'bin' ? { JAVA_HOME: dirname(folder) } : {};
}

export interface RunResult {
  code: number | null;
  /** stdout and stderr, as they came. */
  output: string;
}

/** Runs a program to its end, with the caller's environment and `env` on top. */
export async function run(
  command: string,
  args: string[],
  options: { cwd?: string; env?: Record<string, string> },
): Promise<RunResult> {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
    ...(options.cwd ? { cwd: options.cwd } : {}),
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: null, output: reasonOf(error) }));
    child.once('close', (code) => resolve({ code, output }));
  });
}

/** The last lines of a text, indented, for a message. */
export function lastLines(text: string, count: number): string {
  return text
    .trimEnd()
    .split('\n')
    .slice(-count)
    .map((line) => `  ${line}`)
    .join('\n');
}
