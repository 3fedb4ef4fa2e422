/** `/v1/imports`: files that come by the page, with their limits, and the same figures as `load`. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Preview } from '../../src/imports/preview.ts';
import {
  ended,
  exportCsv,
  importOf,
  type Refused,
  startImport,
  tryFile,
  uploaded,
  uploadFile,
} from '../support/imports.ts';
import { casePath } from '../support/load-case.ts';
import { cli, type Product, startProduct, temporaryDir, until } from '../support/product.ts';

const GERMAN =
  'Datum;Bestellnr;Artikel;Menge;Einzelpreis;Kunde\n' +
  '13.11.2024 10:00;B-1;Tasse;2;12,50;K1\n14.11.2024 11:30;B-2;Teller;1;8,90;K2\n14.11.2024 11:31;B-2;Krug;1;1,10;K2\n';
const ADMIN = 'admin-key-0123456789';
const WRITER = 'write-key-0123456789';

const fieldOf = (found: Pick<Preview, 'fields'>, name: string) =>
  found.fields.find(({ field }) => field === name);

describe('an import', () => {
  let product: Product;
  before(async () => {
    product = await startProduct({ dataDir: temporaryDir() });
  });
  after(() => product?.stop());

  it('reports that totals of days are not events, and joins a date and a time of two columns', async () => {
    const totals = 'Datum;Bestellungen;Umsatz\n01.10.2026;3;10,00\n02.10.2026;4;12,00\n03.10.2026;1;5,00\n';
    const days = await tryFile(product, await uploaded(product, 'tage.csv', totals), {}, true);
    assert.equal(days.status, 200, days.text);
    assert.match(days.json.refusal!, /look like totals of days or months \(Datum, Bestellungen\)/);
    const apart = 'Bestellnr;Datum;Uhrzeit;Betrag\nB1;14.10.2026;08:05;5,00\nB2;14.10.2026;19:40;5,00\n';
    const joined = await tryFile(product, await uploaded(product, 'apart.csv', apart), {}, true);
    assert.equal(joined.status, 200, joined.text);
    assert.match(joined.json.example!.event, /"timestamp":"2026-10-14T08:05:00.000Z"/);
  });

  it('proposes a mapping for the table of an unknown shop, and shows what the dashboard would show', async () => {
    const id = await uploaded(product, 'bestellungen.csv', GERMAN);
    const { status, json: found, text } = await tryFile(product, id, {}, true);
    assert.equal(status, 200, text);
    assert.equal(found.description, 'CSV, semicolon, 6 columns, header in line 1');
    assert.match(found.mapping!, /timestamp: \{from: "Datum", order: dmy\}/);
    assert.deepEqual(
      found.columns.map(({ path }) => path),
      ['Datum', 'Bestellnr', 'Artikel', 'Menge', 'Einzelpreis', 'Kunde'],
    );
    assert.deepEqual(fieldOf(found, 'order_id'), {
      field: 'order_id',
      from: 'path',
      paths: ['Bestellnr'],
      value: null,
    });
    assert.deepEqual(fieldOf(found, 'event_type'), {
      field: 'event_type',
      from: 'value',
      paths: [],
      value: 'purchase',
    });
    assert.equal(found.settings.decimal, ',');
    assert.match(found.example!.record, /^13\.11\.2024/);
    assert.match(found.example!.event, /"timestamp":"2024-11-13T10:00:00.000Z"/);
    const [revenue] = found.metrics.revenue!.total;
    assert.deepEqual([revenue!.orders, revenue!.units, revenue!.currency], [2, 4, 'unknown']);
    assert.equal(Number(revenue!.revenue), 35);
    assert.equal(found.metrics.traffic!.first, '2024-11-13T00:00:00Z');
    assert.equal((await product.ledger()).received, 0, 'nothing is stored');

    // Changes are tried in the same way: another column, and settings.
    const changed = await tryFile(product, id, {
      mapping: found.mapping,
      fields: { product_id: 'Bestellnr', order_id: null },
      time_zone: 'Europe/Berlin',
      currency: 'EUR',
    });
    assert.equal(changed.status, 200, changed.text);
    assert.match(changed.json.mapping!, /product_id: Bestellnr/);
    assert.match(changed.json.mapping!, /# No column says what happened/, 'comments stay');
    assert.deepEqual(fieldOf(changed.json, 'order_id')!, {
      field: 'order_id',
      from: 'none',
      paths: [],
      value: null,
    });
    assert.match(changed.json.example!.event, /"timestamp":"2024-11-13T09:00:00.000Z"/);
    assert.deepEqual(
      changed.json.metrics.revenue!.total.map(({ currency, orders }) => [currency, orders]),
      [['EUR', 3]],
    );
    await product.request('DELETE', `/v1/imports/${id}`);
  });

  it('loads with the figures and the words of load, and a file once, whichever way it comes', async () => {
    const content = readFileSync(casePath('rees46.csv'));
    const id = await uploaded(product, 'rees46.csv', content);
    const { json: found } = await tryFile(product, id, {}, true);
    assert.deepEqual([found.map, found.mapping, found.loaded_before], ['rees46', null, null]);
    assert.deepEqual(
      found.event_types.map(({ value, becomes }) => [value, becomes]),
      [
        ['view', 'view_product'],
        ['cart', 'add_to_cart'],
        ['purchase', 'purchase'],
        ['remove_from_cart', 'remove_from_cart'],
      ],
    );
    assert.equal((await startImport(product, id, { map: 'rees46' })).status, 202);
    const view = await ended(product, id);
    assert.equal(view.state, 'done', JSON.stringify(view));
    assert.deepEqual(view.progress, {
      bytes_read: content.length,
      received: 120,
      events: 120,
      bad_rows: 0,
      left_out: 0,
      stored_before: 0,
    });
    assert.ok(view.result!.balanced);
    const upload = join(product.dataDir, 'uploads', id);
    await until(() => !existsSync(upload), 'the file is removed after use');
    const quality = await product.request<{ rows: { reason: string }[] }>(
      'GET',
      '/v1/metrics/quality?window=1d',
    );
    assert.ok(
      quality.json.rows.every(({ reason }) => !reason.startsWith('late_')),
      'history is not late',
    );

    const file = join(temporaryDir(), 'other-name.csv');
    writeFileSync(file, content);
    const loaded = await cli(['load', file, '--map', 'rees46', '--data', product.dataDir, '--json']);
    assert.equal(loaded.code, 0, loaded.stderr);
    const result = loaded.json<{ received: number; files: { stored_before: number }[] }>();
    assert.deepEqual(
      [result.received, result.files[0]!.stored_before],
      [0, 120],
      'the command knows the import',
    );

    const twice = await uploaded(product, 'rees46.csv', content);
    const { json: again } = await tryFile(product, twice, { map: 'rees46' });
    assert.deepEqual(
      [again.loaded_before!.records, again.loaded_before!.is_all, again.loaded_before!.same_options],
      [120, true, true],
    );
    await startImport(product, twice, { map: 'rees46' });
    const nothing = await ended(product, twice);
    assert.deepEqual([nothing.progress!.received, nothing.progress!.stored_before], [0, 120]);

    const other = await uploaded(product, 'rees46.csv', content);
    await startImport(product, other, { map: 'rees46', currency: 'EUR' });
    const refused = await ended(product, other);
    assert.equal(refused.state, 'failed');
    assert.match(refused.error!.message, /with other options.*import it anyway.*Nothing was stored/s);
    await startImport(product, other, { map: 'rees46' }, true);
    const forced = await ended(product, other);
    assert.deepEqual([forced.state, forced.result!.received, forced.result!.duplicates], ['done', 120, 120]);
    assert.equal((await product.settled()).metrics.counted, 120);
  });

  it('refuses a file without events, with a reason, before the upload is complete', async () => {
    const book = Buffer.concat([Buffer.from('PK\u0003\u0004 xl/workbook.xml'), Buffer.alloc(200_000)]);
    const excel = await uploadFile(product, 'orders.xlsx', book);
    assert.deepEqual([excel.status, excel.json.error.code], [422, 'import_refused']);
    assert.match(excel.json.error.message, /^orders\.xlsx looks like .*export it as CSV/);
    const { json: left } = await product.request<{ imports: { name: string }[] }>('GET', '/v1/imports');
    assert.deepEqual(
      left.imports.filter(({ name }) => name === 'orders.xlsx'),
      [],
    );

    const noise = await uploaded(product, 'noise.bin', Buffer.from([1, 2, 3, 0, 255, 254, 7]));
    const garbage = await tryFile(product, noise, {}, true);
    assert.deepEqual([garbage.status, garbage.json.error.code], [422, 'import_refused'], garbage.text);
    assert.match(garbage.json.error.message, /has an unknown format/);
    assert.equal((await startImport(product, noise, {})).status, 422);
    await product.request('DELETE', `/v1/imports/${noise}`);

    // Nothing in its names is known: a person can still say what its columns are.
    const unknown = await uploaded(product, 'abc.csv', 'a;b;c\n2024-11-01;x;1,50\n2024-11-02;y;2,50\n');
    const { json: first } = await tryFile(product, unknown, {}, true);
    assert.match(first.refusal!, /neither a column for the time/);
    assert.deepEqual([first.result, first.columns.length], [null, 3]);
    const fields = { timestamp: 'a', event_type: { value: 'purchase' }, product_id: 'b', price: 'c' };
    const { json: named } = await tryFile(product, unknown, { fields, decimal: ',', currency: 'EUR' });
    assert.equal(named.refusal, null);
    assert.equal(Number(named.metrics.revenue!.total[0]!.revenue), 4);
    await product.request('DELETE', `/v1/imports/${unknown}`);
  });

  it('names each mistake in a mapping or a setting', async () => {
    const id = await uploaded(product, 'de.csv', GERMAN);
    const wrong: [object, number, RegExp][] = [
      [{ mapping: 'fields:\n  timestampp: Datum\n' }, 400, /mapping:2: .*timestamp/],
      [{ mapping: 'fields: [' }, 400, /not valid YAML/],
      [{ mapping: 'extends: ./secret.yaml\n' }, 400, /no mapping with this name/],
      [{ map: '../../config' }, 400, /no mapping with this name/],
      [{ map: 'rees46', mapping: 'fields: {}' }, 400, /give one of them/],
      [{ map: 'rees46', time_zone: 'Berlin' }, 400, /not an IANA time zone/],
      [{ colour: 'red' }, 400, /colour/],
    ];
    for (const [choice, status, says] of wrong) {
      for (const answer of [await tryFile(product, id, choice), await startImport(product, id, choice)]) {
        assert.equal(answer.status, status, JSON.stringify([choice, answer.json]));
        assert.match(answer.json.error.message, says);
        assert.doesNotMatch(answer.text, /\n {4}at /);
      }
    }
    await product.request('DELETE', `/v1/imports/${id}`);
  });

  it('takes the lines of an order from the list that a person chooses, and their fields from its members', async () => {
    const lines = [{ art: 'p1', anz: 2, stk: 150 }];
    const order = {
      created: '2024-11-01T10:00:00Z',
      nr: 'A1',
      total: 3,
      currency: 'EUR',
      pos: lines,
      log: [{ id: 'x' }],
    };
    const id = await uploaded(product, 'lines.ndjson', `${JSON.stringify(order)}\n`.repeat(2));
    const mapping =
      'fields: {timestamp: created, event_type: {value: purchase}, order_id: nr, amount: total}\n' +
      'items: {each: pos, where: {anz: {exists: true}}, fields: {price: {from: cents, minor_units: true}}}\n';
    const { json: named } = await tryFile(product, id, { mapping, items: 'log' });
    assert.match(named.mapping!, /^items: log$/m);
    assert.deepEqual([named.items.path, named.items.fields[0]!.paths], ['log', ['id']]);
    const fields = { product_id: 'art', quantity: 'anz', price: 'stk', name: null };
    const { json: told } = await tryFile(product, id, { mapping, items: { each: 'pos', fields } });
    assert.deepEqual(
      told.items.lists.map(({ path }) => path),
      ['pos', 'log'],
    );
    assert.deepEqual(
      told.items.fields.map(({ field, paths }) => [field, ...paths]),
      [['product_id', 'art'], ['name'], ['category'], ['quantity', 'anz'], ['price', 'stk']],
    );
    assert.match(told.mapping!, /where:\n +anz:/, 'what is not changed stays');
    assert.match(told.mapping!, /minor_units: true/);
    const { example } = told;
    assert.match(example!.event, /"product_id":"p1","quantity":"2.0000","price":"1.5000"/);
    for (const items of ['', { each: 'pos', fields: { colour: 'x' } }, { fields: {} }])
      assert.equal((await tryFile(product, id, { mapping, items })).status, 400, JSON.stringify(items));
    await product.request('DELETE', `/v1/imports/${id}`);
  });

  it('changes a preset, or the names that are read without a mapping, and keeps the rest', async () => {
    const rees = await uploaded(product, 'rees46.csv', readFileSync(casePath('rees46.csv')));
    const { json: preset } = await tryFile(product, rees, {
      map: 'rees46',
      fields: { price: null, amount: 'price' },
      event_types: { view: 'view_list' },
    });
    assert.equal(preset.map, null);
    assert.match(preset.mapping!, /^extends: rees46\n/);
    assert.equal(fieldOf(preset, 'amount')!.paths[0], 'price');
    assert.equal(fieldOf(preset, 'session_id')!.paths[0], 'user_session', 'of the preset');
    assert.deepEqual(
      preset.event_types.slice(0, 2).map(({ value, becomes }) => [value, becomes]),
      [
        ['view', 'view_list'],
        ['cart', 'add_to_cart'],
      ],
    );
    await product.request('DELETE', `/v1/imports/${rees}`);

    const aliases = 'event_time,event_name,sku,total,currency_code\n2024-11-01T10:00:00Z,buy,p1,5.00,EUR\n';
    const id = await uploaded(product, 'aliases.csv', aliases);
    const { json: none } = await tryFile(product, id, {}, true);
    assert.deepEqual([none.map, none.mapping, none.result!.events], [null, null, 1]);
    const { json: own } = await tryFile(product, id, { event_types: { buy: 'refund' } });
    assert.equal(own.result!.events, 1, JSON.stringify(own.result));
    assert.match(own.example!.event, /"event_type":"refund".*"product_id":"p1".*"amount":"5.0000"/);
    await product.request('DELETE', `/v1/imports/${id}`);
  });

  it('is uploaded in pieces, each after the one before', async () => {
    const content = gzipSync(exportCsv(3000));
    const half = Math.floor(content.length / 2);
    const { json } = await product.request<{ id: string }>(
      'POST',
      `/v1/imports?name=x.gz&bytes=${content.length}`,
    );
    const put = (offset: number, body: Uint8Array) =>
      product.request<{ received_bytes: number } & Refused>(
        'PUT',
        `/v1/imports/${json.id}/content?offset=${offset}`,
        {
          body,
        },
      );
    assert.equal((await put(0, content.subarray(0, half))).json.received_bytes, half);
    assert.equal((await put(0, content.subarray(0, half))).json.error.code, 'wrong_offset');
    assert.equal((await tryFile(product, json.id, {})).json.error.code, 'import_busy');
    assert.equal((await put(half, Buffer.alloc(content.length))).json.error.code, 'too_large');
    await product.request('DELETE', `/v1/imports/${json.id}`);
    const whole = await uploaded(product, 'x.csv.gz', content);
    const { json: found } = await tryFile(product, whole, {}, true);
    assert.equal(found.description, 'CSV, comma, 6 columns, header in line 1, gzip');
    assert.deepEqual([found.is_whole, found.result!.events], [true, 3000]);
    await product.request('DELETE', `/v1/imports/${whole}`);
    assert.equal((await importOf(product, whole)).status, 404);
    assert.equal((await importOf(product, '../../etc')).status, 404);
  });
});

test('uploads have limits, and only an administrator can upload', async () => {
  const dataDir = temporaryDir();
  mkdirSync(join(dataDir, 'uploads'), { recursive: true });
  const http = {
    kind: 'http',
    import_bytes_max: 100_000,
    api_keys: [
      { name: 'boss', key: ADMIN, scopes: ['read', 'write', 'admin'] },
      { name: 'shop', key: WRITER, scopes: ['read', 'write'] },
    ],
  };
  const product = await startProduct({ dataDir, config: { sources: [http] } });
  const as = (key: string | null, method: string, path: string) =>
    product.request<Refused & { id: string; bytes_max: number }>(method, path, {
      headers: key === null ? {} : { authorization: `Bearer ${key}` },
    });
  for (const [method, path] of [
    ['GET', '/v1/imports'],
    ['POST', '/v1/imports?name=a&bytes=1'],
    ['GET', '/v1/imports/x'],
    ['PUT', '/v1/imports/x/content'],
    ['POST', '/v1/imports/x/preview'],
    ['POST', '/v1/imports/x/load'],
    ['DELETE', '/v1/imports/x'],
  ] as const) {
    assert.equal((await as(null, method, path)).status, 401, `${method} ${path}`);
    const refused = await as(WRITER, method, path);
    assert.deepEqual([refused.status, refused.json.error.code], [403, 'forbidden'], `${method} ${path}`);
  }
  assert.equal((await as(ADMIN, 'GET', '/v1/imports')).json.bytes_max, 100_000);
  const large = await as(ADMIN, 'POST', '/v1/imports?name=big.csv&bytes=100001');
  assert.deepEqual([large.status, large.json.error.code], [413, 'import_too_large']);
  assert.match(large.json.error.message, /up to 100 kB/);
  assert.equal((await as(ADMIN, 'POST', '/v1/imports?name=a')).status, 400);
  const ids: string[] = [];
  for (let n = 0; n < 4; n++) ids.push((await as(ADMIN, 'POST', '/v1/imports?name=a&bytes=10')).json.id);
  const fifth = await as(ADMIN, 'POST', '/v1/imports?name=a&bytes=10');
  assert.deepEqual([fifth.status, fifth.json.error.code], [429, 'too_many_imports']);
  await as(ADMIN, 'DELETE', `/v1/imports/${ids[0]}`);
  assert.equal((await as(ADMIN, 'POST', '/v1/imports?name=a&bytes=10')).status, 201);
  await product.stop();
});
