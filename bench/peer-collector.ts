/**
 * The peer of bench/collector.ts: a bare fastify server that JSON.parses each line of a body, appends the body to a file
 * and answers after an fdatasync that all waiting requests share. It checks nothing and keeps no counters.
 * Usage: node bench/peer-collector.ts FILE; prints its port.
 */
import { open } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import Fastify from 'fastify';

const file = await open(process.argv[2]!, 'w');
const app = Fastify({ bodyLimit: 64 * 1024 * 1024 });
app.removeAllContentTypeParsers();
app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
let waiting: { body: Buffer; resolve: () => void }[] = [];
let writing = false;
let lines = 0;

async function flush(): Promise<void> {
  if (writing) return;
  writing = true;
  while (waiting.length > 0) {
    const group = waiting;
    waiting = [];
    await file.writev(group.map(({ body }) => body));
    await file.datasync();
    for (const { resolve } of group) resolve();
  }
  writing = false;
}

app.post('/v1/events', async (request) => {
  const body = request.body as Buffer;
  let accepted = 0;
  for (const line of body.toString('utf8').split('\n')) {
    if (line === '') continue;
    JSON.parse(line);
    accepted++;
  }
  await new Promise<void>((resolve) => {
    waiting.push({ body, resolve });
    void flush();
  });
  lines += accepted;
  return { accepted, rejected: 0, errors: [] };
});
app.get('/lines', async () => ({ lines }));
await app.listen({ host: '127.0.0.1', port: 0 });
console.log((app.server.address() as AddressInfo).port);
