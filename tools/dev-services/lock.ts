import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_MS = 100;

/**
 * Runs `work` while no other process of this machine runs work of the same name; waits for its turn.
 *
 * The lock is an abstract Unix socket (unix(7), Linux only): the kernel lets only one process have it, and takes it
 * back when that process ends, however it ends. `onWait` is called once if there is somebody to wait for.
 */
export async function withLock<T>(name: string, onWait: () => void, work: () => Promise<T>): Promise<T> {
  const address = `\0tillstream-${createHash('sha256').update(name).digest('hex').slice(0, 40)}`;
  let holder = await listen(address);
  if (!holder) onWait();
  while (!holder) {
    await sleep(LOOK_MS);
    holder = await listen(address);
  }
  try {
    return await work();
  } finally {
    holder.close();
  }
}

/** Null where the address is taken. */
function listen(address: string): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(null) : reject(error),
    );
    server.listen(address, () => resolve(server));
  });
}
