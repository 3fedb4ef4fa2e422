/** The settings of a source say how its values are read, and hold for that source alone. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { startProduct, temporaryDir, until } from '../support/product.ts';
import { readArchive } from '../support/read-archive.ts';

test('tail and poll read dates, money and types as their source writes them', async () => {
  const folder = temporaryDir();
  writeFileSync(
    join(folder, 'orders.csv'),
    'timestamp;event_type;order_id;amount;currency\n05/11/2024 10:00;Bestellung;o1;1.039,80;EUR\n06/11/2024 11:00;Bestellung;o2;12,5;EUR\n',
  );
  const server = createServer((request, response) => {
    if (request.headers['x-key'] !== 'key-12345') response.writeHead(401).end();
    else
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(
          '{"orders":[{"timestamp":"3/4/2024","event_type":"view_page"},{"timestamp":"3/4/2024","event_type":"view_cart"}]}',
        );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const dataDir = temporaryDir();
  const product = await startProduct({
    dataDir,
    config: {
      sources: [
        {
          kind: 'tail',
          name: 'orders',
          path: join(folder, '*.csv'),
          date_order: 'dmy',
          decimal: ',',
          time_zone: 'Europe/Berlin',
          event_types: { Bestellung: 'purchase' },
        },
        { kind: 'poll', url, entries: 'orders', every_seconds: 0.1, headers: { 'X-Key': 'key-12345' } },
      ],
    },
  });
  try {
    await until(async () => (await product.ledger()).received >= 4, 'all records are received');
    const { received, archive } = await product.settled();
    assert.deepEqual([received, archive.events, archive.bad_rows], [4, 4, 0]);
    const { events } = await readArchive(join(dataDir, 'archive'));
    assert.deepEqual(events.dates, ['2024-03-04', '2024-11-05', '2024-11-06']);
  } finally {
    await product.stop();
    server.closeAllConnections();
    server.close();
  }
});
