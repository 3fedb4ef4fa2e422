import { request as httpRequest, type IncomingMessage } from 'node:http';
import { errorCode } from '../system/error-code.ts';
import { sleep } from '../system/sleep.ts';

/** What a running process leaves in its data folder for the commands of the same user. */
export interface RunFile {
  pid: number;
  url: string;
  /** Path of the Unix socket for commands; null where none could be made. */
  socket: string | null;
  /** Lets commands on this machine do everything; new with each start. */
  token: string;
}

/** An answer of the running process; its body is yet to be read. */
export interface OwnerAnswer {
  status: number;
  ok: boolean;
  body: IncomingMessage;
}

const TRIES_MAX = 10;
const RETRY_MS = 500;

interface OwnerRequest {
  headers?: Record<string, string>;
  body?: Buffer;
  signal?: AbortSignal;
}

/**
 * Sends a request to the running process, by the owner's socket where there is one: it works while all connections of
 * the port are taken, and waits for as long as the work takes.
 */
export async function requestOwner(
  run: RunFile,
  method: string,
  path: string,
  request: OwnerRequest = {},
): Promise<OwnerAnswer> {
  for (let tries = 1; ; tries++) {
    try {
      return await requestOnce(run, method, path, request);
    } catch (error) {
      // It has refused the body before the end of it, such as when it is busy, and its answer is lost: nothing was taken.
      if (errorCode(error) !== 'EPIPE' || tries === TRIES_MAX) throw error;
      await sleep(RETRY_MS);
    }
  }
}

function requestOnce(
  run: RunFile,
  method: string,
  path: string,
  { headers = {}, body, signal }: OwnerRequest,
): Promise<OwnerAnswer> {
  const { hostname, port } = new URL(run.url);
  const target = run.socket ? { socketPath: run.socket } : { host: hostname.replace(/^\[|\]$/g, ''), port };
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        ...target,
        method,
        path,
        // Who works between two requests would not see that the other side has closed a connection meanwhile.
        agent: false,
        headers: {
          host: 'localhost',
          authorization: `Bearer ${run.token}`,
          ...(body || method === 'POST' ? { 'content-length': String(body?.length ?? 0) } : {}),
          ...headers,
        },
        ...(signal ? { signal } : {}),
      },
      (answer) => {
        const status = answer.statusCode!;
        resolve({ status, ok: status >= 200 && status < 300, body: answer });
      },
    );
    request.once('error', reject);
    request.end(body);
  });
}

/** The body of an answer as JSON. */
export async function jsonBodyOf<T>(answer: OwnerAnswer): Promise<T> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer.body as AsyncIterable<Buffer>) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString('utf8')) as T;
}
