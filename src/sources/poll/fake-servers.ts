import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { createLogApi, type LogApi } from '../../../tools/simulator/log-api.ts';
import { type FakeContext, fakeContext } from '../fake-context.ts';
import type { Source } from '../source.ts';
import { type PollOptions, pollOptionsSchema } from './config.ts';
import { createPollSource } from './poll-source.ts';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** For tests of the poller: servers on this machine, and sources that poll them. */
export interface PollBench {
  context: FakeContext;
  stateDir: string;
  start(url: string, options?: Partial<PollOptions>): Source;
  source(url: string, options?: Partial<PollOptions>): Source;
  serve(handler: Handler): Promise<string>;
  api(options?: { retainEntries?: number; cursorApi?: boolean; firstPosition?: number }): Promise<LogApi>;
}

export function pollBench(t: TestContext): PollBench {
  const stateDir = mkdtempSync(join(tmpdir(), 'poll-'));
  const context = fakeContext(stateDir);
  const closers: (() => Promise<unknown>)[] = [];
  t.after(async () => {
    for (const close of closers.reverse()) await close();
    rmSync(stateDir, { recursive: true });
  });
  const source = (url: string, options: Partial<PollOptions> = {}) =>
    createPollSource(
      pollOptionsSchema.parse({ url, every_seconds: 0.005, timeout_seconds: 2, ...options }),
      context,
      { backoffBaseMs: 1, backoffCapMs: 5 },
    );
  return {
    context,
    stateDir,
    source,
    start(url, options) {
      const started = source(url, options);
      closers.push(() => started.stop());
      started.start();
      return started;
    },
    async serve(handler) {
      const server = createServer(handler);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      closers.push(async () => {
        server.closeAllConnections();
        server.close();
      });
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    },
    async api(options = {}) {
      const api = await createLogApi({ port: 0, firstPosition: 1000, random: Math.random, ...options });
      closers.push(() => api.close());
      return api;
    },
  };
}

/** Answers with JSON. */
export const json = (response: ServerResponse, body: string, headers: Record<string, string> = {}) =>
  response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(body);
