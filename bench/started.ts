import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** The address of the product in the line of its log that says it is ready. */
export const PRODUCT_URL = /"url":"(http:[^"]+)"[^\n]*"ready"/;

/** What `ready` finds in the output of a program that starts. */
export async function started(
  child: ChildProcess,
  ready: (text: string) => string | undefined,
): Promise<string> {
  let text = '';
  return new Promise((resolve, reject) => {
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.setEncoding('utf8').on('data', (part) => {
        text += part;
        const found = ready(text);
        if (found) resolve(found);
      });
    }
    child.once('exit', () => reject(new Error(text)));
  });
}

/** The product on a data folder, with access to all of its API; `args`: further ones of `up`. */
export async function startProduct(data: string, env: NodeJS.ProcessEnv, args: readonly string[] = []) {
  const main = join(import.meta.dirname, '..', 'src', 'main.ts');
  const child = spawn(process.execPath, [main, 'up', '--data', data, ...args], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const runFile = join(data, 'run.json');
  while (!existsSync(runFile)) await sleep(20);
  const { url, token } = JSON.parse(readFileSync(runFile, 'utf8')) as { url: string; token: string };
  const ask = (path: string) => fetch(`${url}${path}`, { headers: { authorization: `Bearer ${token}` } });
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  return { pid: child.pid!, ask, stop };
}
