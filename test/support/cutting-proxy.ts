import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface CuttingProxy {
  port: number;
  /** Each connection is cut when the client has sent so many bytes over it; null: none is. */
  cutAfterBytes: number | null;
  /** The next answer to a request whose first line matches is not delivered: the server has worked, the client can't know. */
  loseAnswerTo(firstLine: RegExp, times?: number): void;
  /** Answers that were lost so far. */
  lost: number;
  cut: number;
  close(): Promise<void>;
}

/**
 * A TCP proxy on 127.0.0.1 that breaks connections at chosen places. `replace` changes a text in answers to one of the
 * same length, so that a server that names another one's port leads to another proxy.
 */
export async function startCuttingProxy(
  targetPort: number,
  replace?: () => { from: string; to: string },
): Promise<CuttingProxy> {
  const open = new Set<Socket>();
  let losing: { firstLine: RegExp; times: number } | null = null;
  const server = createServer((client) => {
    const upstream = connect(targetPort, '127.0.0.1');
    let sent = 0;
    let request = '';
    const end = () => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on('error', end);
      socket.on('close', () => {
        open.delete(socket);
        end();
      });
    }
    client.on('data', (chunk) => {
      const line = /^[A-Z]+ [^\r\n]* HTTP\/1\.1/.exec(chunk.toString('latin1', 0, 4096))?.[0];
      if (line) request = line;
      sent += chunk.length;
      if (proxy.cutAfterBytes !== null && sent > proxy.cutAfterBytes) {
        // What came up to here arrives, and then nothing.
        const over = sent - proxy.cutAfterBytes;
        upstream.end(chunk.subarray(0, Math.max(0, chunk.length - over)));
        proxy.cut++;
        client.destroy();
      } else upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      if (losing?.firstLine.test(request) && losing.times > 0) {
        losing.times--;
        proxy.lost++;
        end();
        return;
      }
      const change = replace?.();
      const text = change && chunk.toString('latin1');
      client.write(
        text?.includes(change!.from)
          ? Buffer.from(text.replaceAll(change!.from, change!.to), 'latin1')
          : chunk,
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: CuttingProxy = {
    port: (server.address() as AddressInfo).port,
    cutAfterBytes: null,
    lost: 0,
    cut: 0,
    loseAnswerTo(firstLine, times = 1) {
      losing = { firstLine, times };
    },
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}
