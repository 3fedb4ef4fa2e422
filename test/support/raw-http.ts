import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  /** All that came until the other side closed, or the time was over. */
  text: string;
  /** Status of each answer. */
  statuses: number[];
  closed: boolean;
  ms: number;
}

/** Sends bytes as they are on a socket of its own, and listens until the other side closes or `msMax` are over. */
export async function rawRequest(
  port: number,
  bytes: string | Buffer | ((socket: Socket) => void),
  { msMax = 5000, untilText }: { msMax?: number; untilText?: RegExp } = {},
): Promise<RawAnswer> {
  const startedMs = performance.now();
  const socket = connect(port, '127.0.0.1');
  let text = '';
  const closed = await new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => resolve(false), msMax);
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(true);
    });
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (!untilText?.test(text)) return;
      clearTimeout(timer);
      resolve(false);
    });
    socket.on('connect', () => {
      if (typeof bytes === 'function') bytes(socket);
      else socket.write(bytes);
    });
  });
  socket.destroy();
  const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
  return { text, statuses, closed, ms: performance.now() - startedMs };
}
