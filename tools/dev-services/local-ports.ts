import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { ServiceError } from './failure.ts';

/**
 * Below the range that systems take ports of outgoing connections from (Linux: 32768 on): a server that is down for a
 * while finds its port free when it comes back.
 */
const [FIRST, END] = [20_000, 32_000];
const TRIES_MAX = 1000;

/** Ports of 127.0.0.1 that nobody listens on, one per name. */
export async function choosePorts(names: readonly string[]): Promise<Record<string, number>> {
  const chosen = new Set<number>();
  for (let tries = 0; chosen.size < names.length; tries++) {
    if (tries > TRIES_MAX) throw new ServiceError('There are too few free ports on 127.0.0.1.');
    const port = randomInt(FIRST, END);
    if (!chosen.has(port) && (await isFree(port))) chosen.add(port);
  }
  const ports = [...chosen];
  return Object.fromEntries(names.map((name, index) => [name, ports[index]!]));
}

export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
