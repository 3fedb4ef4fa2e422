import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  globSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertPrinted, type DocsStep, fileOf, fillIn, isPrinted, stepsOf } from './docs-page.ts';
import { freePort } from './free-port.ts';
import { childEnv, PROJECT_DIR, temporaryDir, until } from './product.ts';

/** Ports that the pages name. */
const PORTS = [8080, 5000];
/** Where the pages have the clone. */
const SHOWN_DIR = '/srv/tillstream';
const STEP_MS_MAX = 300_000;
/** Metrics follow within seconds, with Spark on a busy machine within minutes: a reader asks again. */
const ANSWER_MS_MAX = 180_000;
const AGAIN_MS = 500;
/** Before an answer is written into a page. */
const SETTLES_MS = 6000;
const isQuestion = (text: string) =>
  text
    .trim()
    .split('\n')
    .every((line) =>
      /^(\.\/tillstream (query|status|ledger|bad list|rebuild --diff)|bash rows\.sh) ?/.test(line),
    );

const NOT_CLONED = new Set(['.git', '.bootstrap', 'node_modules', 'data', 'dist']);

/** A clone in which pages are typed, one after the other: the files of the project as they are, with packages, page and line checker in place. */
export class DocsReader {
  readonly #dir = join(temporaryDir(), 'tillstream');
  readonly #env: Record<string, string>;
  readonly #cloned: Set<string>;

  constructor(env: Record<string, string> = {}) {
    execFileSync('bash', [join(PROJECT_DIR, 'scripts/bootstrap.sh')], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    cpSync(PROJECT_DIR, this.#dir, {
      recursive: true,
      filter: (path) => !NOT_CLONED.has(path.slice(path.lastIndexOf('/') + 1)) || path === PROJECT_DIR,
    });
    for (const path of ['node_modules', 'web/dist', 'wasm/dist'])
      symlinkSync(join(PROJECT_DIR, path), join(this.#dir, path));
    this.#cloned = new Set(readdirSync(this.#dir));
    // Compiled code is kept by path, and this one is not there any more tomorrow.
    this.#env = {
      ...childEnv(),
      NODE_COMPILE_CACHE: join(temporaryDir(), 'compiled'),
      COLUMNS: '80',
      ...env,
    };
    delete this.#env.TILLSTREAM_PORT;
    after(() => this.#tidy());
  }

  /** Types a page from the top, and compares what it prints with what the page shows; `look` gets all that is printed. */
  async type(
    page: string,
    look: (block: DocsStep['block'], printed: string) => void = () => {},
  ): Promise<void> {
    const steps = stepsOf(page);
    assert.ok(steps.length > 0, `${page} has nothing to type`);
    const ports = await Ports.choose();
    const shell = new Shell(this.#dir, { ...this.#env, TILLSTREAM_PORT: String(ports.of(8080)) });
    try {
      for (const step of steps) {
        const file = fileOf(step.block);
        if (file) writeFileSync(join(this.#dir, file), step.block.text);
        else look(step.block, await this.#typeStep(page, step, shell, ports));
      }
    } finally {
      await shell.end();
      await this.#tidy();
    }
  }

  /** Types one block, and compares what it prints; gives that, as the page would show it. */
  async #typeStep(page: string, { block, shown }: DocsStep, shell: Shell, ports: Ports): Promise<string> {
    const where = `${page}:${block.line}`;
    const exit = Number(/\bexit=(\d+)/.exec(block.info)?.[1] ?? 0);
    const isEmpty = shown?.text === '' && process.env.TILLSTREAM_DOCS === 'write';
    if (isEmpty && isQuestion(block.text)) await sleep(SETTLES_MS);
    const deadline = performance.now() + ANSWER_MS_MAX;
    for (;;) {
      const { output, failed, code } = await shell.type(ports.used(block.text), where);
      const printed = ports.shown(output).replaceAll(this.#dir, SHOWN_DIR);
      const isWrong = exit === 0 ? failed.length > 0 : code !== exit;
      const isOther = isWrong || (shown && !isEmpty && !isPrinted(shown, printed));
      if (isOther && isQuestion(block.text) && performance.now() < deadline) {
        await sleep(AGAIN_MS);
        continue;
      }
      // Spark on a busy machine takes longer than a start waits. A reader then waits, and so does this.
      if (isWrong && printed.includes(', and continues to start.')) {
        const isReady = async () => (await fetch(`http://127.0.0.1:${ports.of(8080)}/readyz`)).ok;
        await until(isReady, `${where}: ready`, STEP_MS_MAX);
        return printed;
      }
      assert.ok(!isWrong, `${where}: it ends with ${code}, failed: ${failed.join(', ')}\n${printed}`);
      if (isEmpty) fillIn(page, printed);
      else if (shown) assertPrinted(shown, printed, `${page}:${shown.line}`);
      return printed;
    }
  }

  /** Ends all that a page has started, whatever came of it, and removes what it made. */
  async #tidy(): Promise<void> {
    if (!existsSync(this.#dir)) return;
    const made = readdirSync(this.#dir).filter((name) => !this.#cloned.has(name));
    const folders = made.map((name) => join(this.#dir, name));
    const env = { ...this.#env, TILLSTREAM_PORT: '0' };
    const down = (...args: string[]) => {
      try {
        execFileSync(join(this.#dir, 'tillstream'), args, { env, stdio: 'ignore' });
      } catch {
        // What does not end in an orderly way is ended below.
      }
    };
    for (const dataDir of folders) {
      if (existsSync(join(dataDir, 'run.json'))) down('down', '--data', dataDir);
      if (existsSync(join(dataDir, 'services'))) down('services', 'down', '--remove-data', '--data', dataDir);
    }
    for (const file of globSync(join(this.#dir, '{*/,*/*/}run.json')))
      kill((JSON.parse(readFileSync(file, 'utf8')) as { pid: number }).pid);
    for (const path of folders) rmSync(path, { recursive: true, force: true, maxRetries: 5 });
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It is over.
  }
}

/** One bash for a page, as a reader has it: variables, folders and background jobs stay from block to block. */
class Shell {
  readonly #bash: ChildProcess;
  readonly #dir = temporaryDir();
  #output = '';
  #blocks = 0;

  constructor(cwd: string, env: Record<string, string>) {
    this.#bash = spawn('bash', ['--norc', '--noprofile'], {
      cwd,
      env,
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    for (const stream of [this.#bash.stdout!, this.#bash.stderr!])
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
    this.#bash.stdin!.write(
      `exec 2>&1; set -E -o pipefail; trap 'printf "\\036failed %s\\n" "$BASH_COMMAND"' ERR\n`,
    );
  }

  /** Types a block, and waits for its end; gives what it printed and the commands that failed. */
  async type(text: string, where: string): Promise<{ output: string; failed: string[]; code: number }> {
    const file = join(this.#dir, `${++this.#blocks}.sh`);
    writeFileSync(file, text);
    this.#output = '';
    this.#bash.stdin!.write(`. ${file} </dev/null\nprintf '\\036done %s\\n' $?\n`);
    const done = () => /\x1edone (\d+)\n/.exec(this.#output);
    await until(
      () => done() !== null || this.#bash.exitCode !== null,
      `${where}\n${this.#output}`,
      STEP_MS_MAX,
    );
    const ended = done();
    assert.ok(ended, `${where}: the shell has ended\n${this.#output}`);
    const output = this.#output.slice(0, ended.index);
    return {
      output: output.replace(/\x1efailed .*\n/g, ''),
      failed: [...output.matchAll(/\x1efailed (?!\. )(.*)\n/g)].map(([, command]) => command!),
      code: Number(ended[1]),
    };
  }

  /** Ends it, and its background jobs. */
  async end(): Promise<void> {
    const { pid, exitCode } = this.#bash;
    if (pid === undefined || exitCode !== null) return;
    const over = new Promise((resolve) => this.#bash.once('close', resolve));
    process.kill(-pid, 'SIGTERM');
    const late = setTimeout(() => process.kill(-pid, 'SIGKILL'), 5000);
    await over;
    clearTimeout(late);
  }
}

/** Free ports in place of those that the pages name, so that tests can run at the same time. */
class Ports {
  readonly #ports = new Map<number, number>();

  static async choose(): Promise<Ports> {
    const ports = new Ports();
    for (const port of PORTS) ports.#ports.set(port, await freePort());
    return ports;
  }

  of(port: number): number {
    return this.#ports.get(port)!;
  }

  /** What is typed for a text of a page. */
  used(text: string): string {
    return [...this.#ports].reduce((result, [from, to]) => swap(result, from, to), text);
  }

  /** A text that was printed, as the page shows it. */
  shown(text: string): string {
    return [...this.#ports].reduce((result, [from, to]) => swap(result, to, from), text);
  }
}

function swap(text: string, from: number, to: number): string {
  return text.replace(new RegExp(`(?<=[:= ])${from}\\b`, 'g'), String(to));
}
