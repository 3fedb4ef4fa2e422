import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readdir, readFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { constants } from 'node:os';
import { test } from 'node:test';
import { isSystemError, listenFailure, messageOf, reasonOf } from './system-error.ts';

const failure = (work: Promise<unknown>) =>
  work.then(
    () => assert.fail('it did not fail'),
    (error: Error) => error,
  );

test('errors of the system are reported in words, with the path if it is requested', async () => {
  const missing = await failure(readFile('/nowhere/at/all'));
  assert.equal(reasonOf(missing), 'there is no such file or folder');
  assert.equal(messageOf(missing), '/nowhere/at/all: there is no such file or folder');
  assert.equal(reasonOf(await failure(readFile('/tmp'))), 'it is a folder, not a file');
  assert.match(reasonOf(await failure(readdir(import.meta.filename))), /is a file, not a folder/);
  assert.equal(reasonOf(await failure(mkdir('/tmp'))), 'it exists already');
  assert.equal(reasonOf(await failure(open('x'.repeat(5000)))), 'the name is too long');
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  assert.match(reasonOf(await failure(fetch(`http://127.0.0.1:${port}`))), /nothing listens there/);
  const [unknown] = await once(spawn(['no', 'such', 'program'].join('-')), 'error');
  assert.equal(reasonOf(unknown), 'there is no such program');
});

test('other errors keep their message', () => {
  assert.equal(messageOf(new Error('as it is')), 'as it is');
  assert.equal(reasonOf('a text'), 'a text');
  assert.equal(isSystemError(new Error('x')), false);
  assert.equal(isSystemError(Object.assign(new Error('x'), { code: 'ERR_ASSERTION' })), false);
});

test('no message for people has a code of the system in it', () => {
  const codes = Object.keys(constants.errno).filter((code) => code in WELL_KNOWN);
  for (const code of codes) {
    const error = Object.assign(new Error(`${code}: raw words, open '/x'`), {
      code,
      path: '/x',
      syscall: 'open',
    });
    for (const text of [
      reasonOf(error),
      messageOf(error),
      listenFailure(error, { host: 'h', port: 8080, settings: 'port' }),
    ])
      assert.ok(!text.includes(code), `${code}: ${text}`);
  }
});

/** Those that files, folders, programs and connections end with. */
const WELL_KNOWN = Object.fromEntries(
  'EACCES EADDRINUSE EADDRNOTAVAIL EBUSY ECONNABORTED ECONNREFUSED ECONNRESET EDQUOT EEXIST EFBIG EHOSTUNREACH EINVAL EIO EISDIR ELOOP EMFILE ENAMETOOLONG ENETUNREACH ENFILE ENOENT ENOMEM ENOSPC ENOTCONN ENOTDIR ENOTEMPTY EPERM EPIPE EROFS ETIMEDOUT ETXTBSY'
    .split(' ')
    .map((code) => [code, true]),
);

test('a port that can’t be listened to is named, with what to set', async () => {
  const fails = (error: object, port: number, host = '127.0.0.1') =>
    listenFailure(Object.assign(new Error('raw'), error), { host, port, settings: 'port in the config' });
  assert.match(
    fails({ code: 'EADDRINUSE' }, 8080),
    /^Port 8080 of 127\.0\.0\.1 is in use by another program\. Set port/,
  );
  assert.match(
    fails({ code: 'EACCES' }, 80),
    /ports below 1024 are for root\. Set port in the config to 1024 or more/,
  );
  assert.match(fails({ code: 'EACCES' }, 8080), /permission denied/);
  const server = createServer();
  const refused = once(server, 'error');
  server.listen(0, '192.0.2.1');
  const [error] = await refused;
  assert.match(
    listenFailure(error, { host: '192.0.2.1', port: 8080, settings: 'port' }),
    /does not have the address 192\.0\.2\.1/,
  );
});

test('several failures in a row are all named, the first one first', async () => {
  const stack = new AsyncDisposableStack();
  for (const name of ['a', 'b', 'c']) stack.defer(() => Promise.reject(new Error(`${name} failed`)));
  const failure = await stack.disposeAsync().catch((error) => error);
  assert.equal(messageOf(failure), 'c failed; b failed; a failed');
});
