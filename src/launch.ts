import { join } from 'node:path';
import { cacheDir } from './system/cache-dir.ts';
import { MAIN_FILE } from './system/own-files.ts';

/** SIGUSR1 would open a port for a debugger; what Node calls experimental is tested with it. */
const NODE_FLAGS = ['--disable-sigusr1', '--disable-warning=ExperimentalWarning'];

type Env = Readonly<Record<string, string | undefined>>;

/** What must be in the environment when Node starts; what the user has set stays. The script of a checkout sets the same. */
export function startEnvironment(env: Env): Record<string, string> {
  return {
    // DuckDB's calls and fsync share libuv's threads: with its default of 4, a long query would hold back every answer.
    UV_THREADPOOL_SIZE: env.UV_THREADPOOL_SIZE || '16',
    // With an arena for each of these threads glibc would keep a hundred megabytes that nobody uses.
    MALLOC_ARENA_MAX: env.MALLOC_ARENA_MAX || '2',
    // Compiled code is kept: the next command starts in half the time.
    NODE_COMPILE_CACHE: env.NODE_COMPILE_CACHE || join(cacheDir(env), 'compiled'),
  };
}

/** Replaces this process by the command line, which so has its process id, signals and exit code. Does not return. */
export function launch(args: readonly string[]): void {
  const { execPath, execArgv, env } = process;
  process.execve!(execPath, [execPath, ...execArgv, ...NODE_FLAGS, MAIN_FILE, ...args], {
    ...env,
    ...startEnvironment(env),
  });
}
