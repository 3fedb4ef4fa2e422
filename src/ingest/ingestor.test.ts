import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testNow } from '../../test/support/clock.ts';
import type { LogWriter } from '../log/event-log.ts';
import { Ingestor } from './ingestor.ts';

function ingestorOf() {
  const lines: Record<string, unknown>[] = [];
  const log = {
    async append({ bytes }: { bytes: Buffer[] }) {
      for (const line of Buffer.concat(bytes).toString().trim().split('\n')) lines.push(JSON.parse(line));
    },
  };
  const ingestor = new Ingestor({
    log: log as unknown as LogWriter,
    settings: { time_zone: 'Europe/Berlin' },
    lineBytesMax: 65_536,
    now: testNow,
  });
  return { ingestor, lines };
}

test('each source is read by its own settings, and by those of the shop where it sets none', async () => {
  const { ingestor, lines } = ingestorOf();
  const body = () => Buffer.from('{"event_type":"view_page","timestamp":"05/11/2024 10:00"}\n');
  await ingestor.ingest('a', body());
  await ingestor.ingest('b', body(), { settings: { date_order: 'dmy' } });
  await ingestor.ingest('c', body(), { settings: { date_order: 'dmy', time_zone: 'UTC' } });
  await ingestor.ingest('a', body());
  assert.deepEqual(
    lines.map(({ timestamp }) => timestamp),
    [
      '2024-05-11T08:00:00.000Z',
      '2024-11-05T09:00:00.000Z',
      '2024-11-05T10:00:00.000Z',
      '2024-05-11T08:00:00.000Z',
    ],
  );
});

test('ids: by prefix and number, or one for each record; never for an event that has one', async () => {
  const { ingestor, lines } = ingestorOf();
  const event = '{"event_type":"view_page","timestamp":"2024-05-11T08:00:00Z"';
  const body = () => Buffer.from(`${event}}\n\nbroken\n${event},"event_id":"own"}\n${event}}\n`);
  await ingestor.ingest('a', body(), { ids: { prefix: 'p', next: 10 } });
  await ingestor.ingest('a', body(), { ids: ['w', 'x', 'y', 'z'] });
  const ids = lines.filter(({ event_type }) => event_type !== undefined).map(({ event_id }) => event_id);
  assert.deepEqual(ids, ['p-10-0e5838bb', 'own', 'p-13-0e5838bb', 'w', 'own', 'z']);
});

test('orders that an earlier process left out as cancelled are listed where their sale counts', async () => {
  const { ingestor } = ingestorOf();
  const sale = { price: null, product: null, currency: 'EUR', micros: 0, amount: '9.00', isRefund: false };
  ingestor.recall([
    { ...sale, order: 'o1' },
    { ...sale, order: 'o2' },
    { ...sale, order: 'o2', isRefund: true },
  ]);
  ingestor.recallLeftOut('shop', ['o1', 'o2', 'o3']);
  const listed = ingestor
    .findings()
    .map(({ source, findings }) => [source, findings[0]!.code, findings[0]!.example]);
  assert.deepEqual(listed, [['shop', 'order_cancelled', 'order_id o1']]);
  const line = Buffer.from('{"event_type":"view_page","timestamp":"05/11/2024 10:00"}\n');
  const { findings } = await ingestor.ingest('shop', line, { settings: { time_zone: 'Asia/Tokyo' } });
  assert.deepEqual(
    findings.map(({ code }) => code),
    [],
    'an answer is about its input',
  );
});
