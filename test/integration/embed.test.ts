/** The library, as a program embeds it: src/index.ts. package.slow.test.ts has it from the package, with its types. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { gzipSync } from 'node:zlib';
import { readRuntimeConfig } from '../../src/app/app.ts';
import {
  ConfigError,
  InputError,
  openPipeline,
  type Pipeline,
  RejectedError,
  UnavailableError,
} from '../../src/index.ts';
import { startProduct, temporaryDir } from '../support/product.ts';

const DAY = { window: '1d', from: '2025-11-23', to: '2025-11-23' } as const;
const logger = { debug() {}, info() {}, warn() {}, error() {} };

const purchase = (id: string, amount: string) => ({
  timestamp: '2025-11-23T10:00:00Z',
  event_type: 'purchase',
  order_id: id,
  amount,
  currency: 'EUR',
});

describe('An embedded pipeline', () => {
  const data = temporaryDir();
  let pipeline: Pipeline;
  before(async () => {
    pipeline = await openPipeline({ data, config: { time_zone: 'Europe/Berlin' }, logger });
  });
  after(() => pipeline.close());

  it('takes objects, text and bytes in any format, and counts them', async () => {
    const objects = await pipeline.ingest([purchase('o1', '10.00'), purchase('o2', '5.50')]);
    assert.deepEqual([objects.accepted, objects.rejected], [2, 0]);
    assert.equal((await pipeline.ingest(purchase('o3', '1.00'))).accepted, 1);
    const csv = 'timestamp,event_type,order_id,amount,currency\n2025-11-23 11:00:00,purchase,o4,2.50,EUR\n';
    assert.equal((await pipeline.ingest(csv, { source: 'csv' })).accepted, 1);
    const packed = gzipSync(JSON.stringify([purchase('o5', '1.00'), purchase('o1', '10.00')]));
    assert.equal((await pipeline.ingest(packed)).accepted, 2);
    assert.deepEqual(await pipeline.flush(), { storesBehind: {} });

    const { rows, timeZone, from } = await pipeline.query('revenue', DAY);
    assert.deepEqual(
      rows.map((row) => [row.start, row.orders, row.revenue]),
      [['2025-11-22T23:00:00Z', 5, '20.0000']],
    );
    assert.deepEqual([timeZone, from], ['Europe/Berlin', '2025-11-22T23:00:00.000Z']);
    const ledger = pipeline.ledger();
    assert.deepEqual([ledger.received, ledger.metrics.duplicate, ledger.balanced], [6, 1, true]);
    assert.deepEqual(Object.keys(ledger.by_source), ['csv', 'embedded']);
    assert.equal(pipeline.components().archive?.state, 'ready');
  });

  it('has a data folder that is opened in its time zone afterwards, where no config is named', async () => {
    const { config } = await readRuntimeConfig({ data }, {}, data);
    assert.equal(config.time_zone, 'Europe/Berlin');
  });

  it('leaves the bytes that it was given as they are', async () => {
    const text = `${JSON.stringify({ ...purchase('o6', '1.00'), timestamp: 'no time' })}\n${JSON.stringify(purchase('o7', '1.00'))}\n`;
    const bytes = new TextEncoder().encode(text);
    const { accepted, rejected, errors } = await pipeline.ingest(bytes);
    assert.deepEqual([accepted, rejected, errors[0]?.code], [1, 1, 'bad_timestamp']);
    assert.equal(new TextDecoder().decode(bytes), text);
  });

  it('reads times as Date, and totals', async () => {
    const { rows, total } = await pipeline.query('revenue', {
      window: '1h',
      from: new Date('2025-11-23T10:00:00Z'),
      to: new Date('2025-11-23T11:00:00Z'),
      total: true,
      top: 1,
    });
    assert.equal(rows.length, 1);
    assert.equal(total?.[0]?.currency, 'EUR');
  });

  it('maps records by a preset and by a module', async () => {
    const file = join(temporaryDir(), 'orders.ts');
    writeFileSync(
      file,
      'export default (row: { n: string }) => row.n === "" ? null : ({ timestamp: "2025-11-20T10:00:00Z", event_type: "purchase", order_id: row.n, amount: "1", currency: "EUR" });\n',
    );
    const mapped = await pipeline.ingest([{ n: 'm1' }, { n: '' }], { map: file });
    assert.deepEqual([mapped.accepted, mapped.leftOut], [1, 1]);
    const track = {
      type: 'track',
      event: 'Product Viewed',
      messageId: 'x1',
      timestamp: '2025-11-20T10:00:00Z',
      properties: { product_id: 'p' },
    };
    assert.equal((await pipeline.ingest(track, { map: 'segment' })).accepted, 1);
  });

  it('names each mistake by its class and code, and stores nothing', async () => {
    const { received } = pipeline.ledger();
    const fails = (work: Promise<unknown>, kind: new (...args: never[]) => Error, code: string) =>
      assert.rejects(work, (error: InputError) => {
        assert.ok(error instanceof kind, `${error}`);
        assert.equal(error.code, code);
        return true;
      });
    const good = purchase('o8', '1');
    await fails(pipeline.ingest([{ event_type: 'purchase' }]), RejectedError, 'nothing_accepted');
    await fails(pipeline.ingest([good, {}], { strict: true }), RejectedError, 'lines_rejected');
    await fails(pipeline.ingest(good, { source: 'A B' }), InputError, 'bad_request');
    await fails(pipeline.ingest(good, { map: 'sgment' }), InputError, 'bad_mapping');
    await fails(pipeline.ingest([{ n: 1n }]), InputError, 'bad_json');
    await fails(pipeline.query('revnue'), InputError, 'unknown_metric');
    await fails(pipeline.query('revenue', { from: new Date(Number.NaN) }), InputError, 'bad_range');
    await fails(openPipeline({ data, logger }), ConfigError, 'data_in_use');
    assert.equal(pipeline.ledger().received, received);
    const error = await pipeline.ingest([good, {}], { strict: true }).catch((thrown) => thrown);
    assert.deepEqual([error.result.accepted, error.result.rejected], [0, 1]);
  });

  it('is of no use once it is closed, and what it stored is there for the next', async () => {
    const { received } = pipeline.ledger();
    await pipeline.close();
    await pipeline.close();
    await assert.rejects(pipeline.ingest(purchase('o9', '1')), UnavailableError);
    assert.throws(() => pipeline.ledger(), { code: 'closed' });
    pipeline = await openPipeline({ data, logger });
    assert.equal(pipeline.ledger().received, received);
  });
});

describe('Opening a pipeline', () => {
  it('refuses a wrong config, and names its mistakes', async () => {
    await assert.rejects(
      openPipeline({ data: temporaryDir(), config: { time_zon: 'UTC' }, logger }),
      (error) => {
        assert.ok(error instanceof ConfigError);
        assert.match(error.message, /config:2: .*time_zon/s);
        return true;
      },
    );
    await assert.rejects(
      openPipeline({ data: temporaryDir(), config: '/nowhere.yaml', logger }),
      ConfigError,
    );
    await assert.rejects(openPipeline({ data: '', logger }), ConfigError);
  });

  it('works for several folders in one process', async () => {
    const folders = [temporaryDir(), temporaryDir()];
    const both = await Promise.all(folders.map((data) => openPipeline({ data, logger })));
    for (const [index, pipeline] of both.entries()) {
      await pipeline.ingest(purchase(`p${index}`, '1'));
      await pipeline.flush();
      assert.equal(pipeline.ledger().metrics.counted, 1);
    }
    await Promise.all(both.map((pipeline) => pipeline.close()));
  });

  it('refuses a folder that another process has open', async () => {
    const product = await startProduct({ dataDir: temporaryDir() });
    await assert.rejects(openPipeline({ data: product.dataDir, logger }), { code: 'data_in_use' });
    await product.stop();
  });

  it('refuses a worker, which can set no umask', async () => {
    const code = `import { parentPort } from 'node:worker_threads';
      import { openPipeline } from ${JSON.stringify(import.meta.resolve('../../src/index.ts'))};
      openPipeline({ data: ${JSON.stringify(temporaryDir())} }).catch((error) => parentPort.postMessage(error.message));`;
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`));
    const [message] = await once(worker, 'message');
    assert.match(message, /works in the main thread/);
    await worker.terminate();
  });

  it('reads only those environment variables that the config names', async () => {
    process.env.TILLSTREAM_CONFIG = '/nowhere.yaml';
    process.env.EMBED_TEST_ZONE = 'Asia/Tokyo';
    try {
      const config = { time_zone: '${EMBED_TEST_ZONE}' };
      await using pipeline = await openPipeline({ data: temporaryDir(), config, logger });
      assert.equal((await pipeline.query('traffic', DAY)).timeZone, 'Asia/Tokyo');
    } finally {
      delete process.env.TILLSTREAM_CONFIG;
      delete process.env.EMBED_TEST_ZONE;
    }
  });
});

describe('The config of a data folder that programs open', () => {
  it('is a file that the folder remembers, until an object is given: then its time zone alone is', async () => {
    const [data, dir] = [temporaryDir(), temporaryDir()];
    const file = join(dir, 'berlin.yaml');
    writeFileSync(file, 'time_zone: Europe/Berlin\ncurrency: CHF\n');
    const remembered = async () => {
      const { config, configFile } = await readRuntimeConfig({ data }, {}, data);
      return [config.time_zone, config.currency, configFile];
    };
    await (await openPipeline({ data, config: file, logger })).close();
    assert.deepEqual(await remembered(), ['Europe/Berlin', 'CHF', file]);
    await (
      await openPipeline({ data, config: { time_zone: 'Asia/Tokyo', currency: 'JPY' }, logger })
    ).close();
    assert.deepEqual(await remembered(), ['Asia/Tokyo', undefined, undefined]);
  });

  it('must be named again where an object put the archive elsewhere', async () => {
    const [data, path] = [temporaryDir(), temporaryDir()];
    const config = { archive: { kind: 'local', path } };
    await (await openPipeline({ data, config, logger })).close();
    await assert.rejects(readRuntimeConfig({ data }, {}, data), /with a config that no file has.*--config/);
    await assert.rejects(openPipeline({ data, logger }), ConfigError);
    await (await openPipeline({ data, config, logger })).close();
    const file = join(data, 'config.yaml');
    writeFileSync(file, JSON.stringify(config));
    assert.equal((await readRuntimeConfig({ data }, {}, data)).configFile, file);
  });
});
