/** Records that are nested without end: each is a bad row, in any format and with any mapping. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testNow } from '../../test/support/clock.ts';
import { detected } from './fake-reading.ts';
import type { Decoded } from './format.ts';
import { Ingestor } from './ingestor.ts';
import { mapperOf } from './mapping/map-records.ts';
import { readMapping } from './mappings/read.ts';

const LEVELS = 30_000;
const arrays = `${'['.repeat(LEVELS)}"]}"${']'.repeat(LEVELS)}`;
const objects = `${'{"a":'.repeat(LEVELS)}1${'}'.repeat(LEVELS)}`;
const event = (more: string) => `{"timestamp":"2025-11-01T10:00:00Z","event_type":"view_page"${more}}`;
const good = event('');

async function reasonsOf(text: string, map: string | null): Promise<unknown> {
  const ingestor = new Ingestor({
    log: { append: async () => {} } as never,
    settings: {},
    lineBytesMax: 1 << 20,
    now: testNow,
  });
  const mapper = map === null ? undefined : mapperOf(readMapping(map, ''));
  const { format, detection } = detected(Buffer.from(text), mapper?.detecting);
  const decoder = format.decoder(detection);
  const pieces: Decoded[] = [...decoder.push(Buffer.from(text)), ...decoder.end()];
  const { accepted, reasons } = await ingestor.ingest('test', pieces, mapper === undefined ? {} : { mapper });
  return { accepted, reasons };
}

test('a record that is nested too deep is rejected as that, and the next one is read', async () => {
  for (const deep of [arrays, objects])
    for (const text of [
      `${event(`,"x":${deep}`)}\n${good}\n`,
      `${good}\n${event(`,"order_id":${deep}`)}\n`,
      `[${event(`,"x":${deep}`)},\n${good}]`,
      `{"events":[${event(`,"x":${deep}`)},${good}]}`,
    ])
      assert.deepEqual(
        await reasonsOf(text, null),
        { accepted: 1, reasons: { too_deep: 1 } },
        text.slice(0, 90),
      );
});

test('a mapping does not run out of stack on a record that is nested too deep', async () => {
  const track = (more: string) =>
    `{"type":"track","event":"Product Viewed","timestamp":"2025-11-01T10:00:00Z","messageId":"m1"${more}}`;
  for (const more of [`,"properties":${objects}`, `,"context":${arrays}`, `,"timestamp":${arrays}`])
    assert.deepEqual(
      await reasonsOf(`${track('')}\n${track(more)}\n`, 'segment'),
      { accepted: 1, reasons: { too_deep: 1 } },
      more.slice(0, 20),
    );
  const inText = JSON.stringify({
    message: { data: Buffer.from(event(`,"x":${arrays}`)).toString('base64'), messageId: '1' },
  });
  const plain = JSON.stringify({ message: { data: Buffer.from(good).toString('base64'), messageId: '2' } });
  assert.deepEqual(await reasonsOf(`${inText}\n${plain}\n`, 'pubsub'), {
    accepted: 1,
    reasons: { too_deep: 1 },
  });
});
