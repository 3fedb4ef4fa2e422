import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { FastifyInstance } from 'fastify';

const NAME = 'owner.sock';
/** A socket's path has at most 107 bytes on Linux, 103 on macOS. */
const PATH_BYTES_MAX = 100;
const CONNECTIONS_MAX = 64;

export interface OwnerSocket {
  path: string;
  close(): Promise<void>;
}

/**
 * A second way to the same server, by a Unix socket that only this user can open: the commands of the owner work while
 * all connections of the port are taken. It lies in the data folder, or in a folder for temporary files where that
 * path is too long for a socket.
 */
export async function openOwnerSocket(app: FastifyInstance, dataDir: string): Promise<OwnerSocket> {
  const inData = join(dataDir, NAME);
  const isShort = Buffer.byteLength(inData) <= PATH_BYTES_MAX;
  const path = isShort ? inData : join(await mkdtemp(join(tmpdir(), 'tillstream-')), NAME);
  // What a killed process has left: whoever opens this folder has its lock.
  await rm(path, { force: true });
  const server = createServer((request, response) => app.routing(request, response));
  server.maxConnections = CONNECTIONS_MAX;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  await chmod(path, 0o600);
  return {
    path,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
      if (!isShort) await rm(dirname(path), { recursive: true, force: true });
    },
  };
}
