import type { ChildProcess } from 'node:child_process';

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
