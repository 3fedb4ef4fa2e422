/** rsyslog and syslog-ng of Debian, unpacked and not installed: each runs as the user of the test, with files of its own. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, globSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { after } from 'node:test';
import { temporaryDir, until } from './product.ts';

const children = new Set<ChildProcess>();
after(() => {
  for (const child of children) child.kill('SIGKILL');
});

function folder(): string {
  const dir = process.env.TILLSTREAM_TEST_SHIPPERS;
  assert.ok(
    dir !== undefined && existsSync(join(dir, 'usr/sbin')),
    'TILLSTREAM_TEST_SHIPPERS names no folder with rsyslog and syslog-ng. ./test.sh fetches them; see bring_shippers there.',
  );
  return dir;
}

/** The folder that holds a file of the unpacked packages. */
function dirOf(pattern: string): string {
  const [found] = globSync(pattern, { cwd: folder() });
  assert.ok(found !== undefined, `${pattern} is not among the unpacked packages`);
  return join(folder(), dirname(found));
}

export interface Shipper {
  /** Sends lines as another program of the machine would: by TCP, each as a message of its own. */
  log(lines: readonly string[]): Promise<void>;
  output(): string;
  stop(): Promise<void>;
}

/** Starts rsyslog with an input at `port` and the lines of a config behind it. */
export function startRsyslog(port: number, config: string): Promise<Shipper> {
  const dir = temporaryDir();
  const file = join(dir, 'rsyslog.conf');
  writeFileSync(
    file,
    `global(workDirectory="${dir}")
module(load="imtcp")
input(type="imtcp" port="${port}" address="127.0.0.1")
${config}\n`,
  );
  const modules = dirOf('usr/lib/**/imtcp.so');
  return start('rsyslogd', ['-n', '-f', file, '-i', join(dir, 'pid'), '-M', modules], port);
}

/** Starts syslog-ng with a source `s_shop` at `port` and the lines of a config behind it. */
export function startSyslogNg(port: number, config: string): Promise<Shipper> {
  const dir = temporaryDir();
  mkdirSync(join(dir, 'buffer'));
  const file = join(dir, 'syslog-ng.conf');
  writeFileSync(
    file,
    `@version: 3.38
source s_shop { network(ip("127.0.0.1") port(${port}) transport("tcp")); };
${config.replace('reliable(yes)', `reliable(yes) dir("${join(dir, 'buffer')}")`)}\n`,
  );
  const own = ['persist-file', 'pidfile', 'control'].map((name) => `--${name}=${join(dir, name)}`);
  const modules = dirOf('usr/lib/syslog-ng/*/libhttp.so');
  return start(
    'syslog-ng',
    ['--foreground', '--stderr', '--no-caps', `--cfgfile=${file}`, `--module-path=${modules}`, ...own],
    port,
  );
}

async function start(name: string, args: string[], port: number): Promise<Shipper> {
  const libraries = [
    ...new Set(
      globSync('{usr/,}lib/**/*.so*', { cwd: folder() }).map((each) => join(folder(), dirname(each))),
    ),
  ];
  const child = spawn(join(folder(), 'usr/sbin', name), args, {
    env: { PATH: process.env.PATH, LD_LIBRARY_PATH: libraries.join(':') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  const exited = new Promise((resolve) => child.once('close', resolve));
  const isOpen = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.end());
    });
  await until(async () => child.exitCode !== null || (await isOpen()), `${name} takes lines`);
  assert.equal(child.exitCode, null, output);
  return {
    output: () => output,
    async log(lines) {
      const socket = connect(port, '127.0.0.1');
      socket.end(lines.map((line) => `<14>Nov 29 20:00:00 shop till: ${line}\n`).join(''));
      await new Promise((resolve) => socket.once('close', resolve));
    },
    async stop() {
      child.kill('SIGTERM');
      await exited;
      children.delete(child);
    },
  };
}
