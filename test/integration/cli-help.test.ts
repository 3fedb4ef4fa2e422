/** What somebody reads before anything works: the help, the completion, and why a port can't be opened. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { cli, temporaryDir } from '../support/product.ts';

const dir = temporaryDir();

describe('help', () => {
  it('lists the commands, the exit codes and the environment, with examples', async () => {
    const { code, stdout } = await cli(['--help']);
    assert.equal(code, 0);
    for (const part of ['Commands:', 'Exit codes: 0 success; 1', 'TILLSTREAM_DATA', 'Examples:', '--json'])
      assert.ok(stdout.includes(part), part);
  });

  for (const command of ['up', 'load', 'query'])
    it(`of ${command} has examples, each with options that it takes`, async () => {
      const { stdout } = await cli(['help', command]);
      const [, text = ''] = stdout.split('Examples:');
      const lines = text.trim().split('\n');
      assert.ok(lines.length > 1, stdout);
      for (const line of lines) {
        assert.match(line, new RegExp(`tillstream ${command}\\b`));
        for (const [option] of line.matchAll(/--[a-z-]+/g))
          assert.match(stdout.split('Examples:')[0]!, new RegExp(`^  ${option}\\b`, 'm'), line);
      }
    });
});

describe('completion', () => {
  it('of bash gives commands, commands of commands, and options', async () => {
    const file = join(dir, 'completion.bash');
    writeFileSync(file, (await cli(['completion', 'bash'])).stdout);
    const complete = (line: string) =>
      execFileSync(
        'bash',
        [
          '-c',
          'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tillstream; printf "%s\\n" "${COMPREPLY[@]}"',
          'bash',
          file,
          ...line.split(' '),
        ],
        { encoding: 'utf8' },
      )
        .trim()
        .split('\n');
    assert.deepEqual(complete('./tillstream le'), ['ledger']);
    assert.deepEqual(complete('tillstream bad '), ['list', 'show', 'help', '--help']);
    assert.deepEqual(complete('tillstream bad list --re'), ['--reason']);
    assert.ok(complete('tillstream services up --').includes('--brokers'));
    assert.ok(!complete('tillstream up --').includes('--brokers'));
    assert.deepEqual(complete('tillstream load ev'), [''], 'names of files come from the shell');
  });

  it('of zsh and fish has every command and option', async () => {
    for (const shell of ['zsh', 'fish']) {
      const { code, stdout } = await cli(['completion', shell]);
      assert.equal(code, 0);
      for (const word of ['services', 'dry-run', 'retention-hours', 'remove-data'])
        assert.ok(stdout.includes(word), `${shell}: ${word}`);
    }
    const { code, stderr } = await cli(['completion', 'csh']);
    assert.equal(code, 2);
    assert.match(stderr, /There is no completion for "csh"\. The shells: bash, zsh, fish\./);
  });
});

describe('a port that can’t be opened', () => {
  const up = (config: string, env: Record<string, string>) => {
    const file = join(temporaryDir(), 'config.yaml');
    writeFileSync(file, config, { mode: 0o600 });
    return cli(['up', '--data', join(temporaryDir(), 'data'), '--config', file], { env });
  };

  it('of an address that this machine does not have ends the start with words', async () => {
    const { code, stderr } = await up(
      'sources: [{kind: http, host: 192.0.2.1, port: 8089, api_keys: [{name: a, key: "0123456789abcdef"}]}]',
      { TILLSTREAM_PORT: '8089' },
    );
    assert.equal(code, 2);
    assert.match(
      stderr,
      /Port 8089 of 192\.0\.2\.1 can't be opened: this machine does not have the address 192\.0\.2\.1\./,
    );
    assert.doesNotMatch(stderr, /^\s+at /m);
  });

  it('that only root can open is named, without a stack trace', async () => {
    // The tests may run as root, whom no port is kept from.
    const seam = join(dir, 'no-ports.mjs');
    writeFileSync(
      seam,
      `import { Server } from 'node:net';
       const listen = Server.prototype.listen;
       Server.prototype.listen = function (options, ...more) {
         if (Number(options?.port) !== 80) return listen.call(this, options, ...more);
         const error = Object.assign(new Error('listen EACCES: permission denied 127.0.0.1:80'), { code: 'EACCES', syscall: 'listen' });
         process.nextTick(() => this.emit('error', error));
         return this;
       };`,
    );
    const { code, stderr } = await up('sources: [{kind: http, port: 80}]', {
      TILLSTREAM_PORT: '80',
      NODE_OPTIONS: `--import ${seam}`,
    });
    assert.equal(code, 2);
    assert.match(
      stderr,
      /Port 80 of 127\.0\.0\.1 can't be opened: ports below 1024 are for root\. Set TILLSTREAM_PORT/,
    );
    assert.doesNotMatch(stderr, /EACCES|^\s+at /m);
  });
});

it('errors of files are reported in words, with the path and without a stack trace', async () => {
  const data = join(dir, 'data');
  for (const [args, words] of [
    [['load', dir], /completion\.bash has [^\n]*\. Nothing was stored\./],
    [['load', join(import.meta.filename, 'x.csv')], /is a file, not a folder/],
    [['up', '--data', join(import.meta.filename, 'data')], /is a file, not a folder/],
    [['up', '--config', dir], /it is a folder, not a file/],
    [['up', '--config', '/nowhere/at/all.yaml'], /there is no such file/],
  ] as const) {
    const { code, stderr } = await cli([
      ...args,
      ...(args.includes('--data' as never) ? [] : ['--data', data]),
    ]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, words);
    assert.doesNotMatch(stderr, /\bE[A-Z]{4,}\b|^\s+at /m, args.join(' '));
  }
});
