import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONFIG_SCHEMA } from './config/schema.ts';

const archiveConfig = CONFIG_SCHEMA.shape.archive;

const refused = (config: object) => {
  const result = archiveConfig.safeParse(config);
  assert.ok(!result.success, JSON.stringify(config));
  return result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n');
};

test('without a kind the archive is local', () => {
  assert.deepEqual(archiveConfig.parse({}), { kind: 'local', group_readable: false });
  assert.deepEqual(archiveConfig.parse({ path: 'tables' }), {
    kind: 'local',
    path: 'tables',
    group_readable: false,
  });
});

test('each kind accepts only its own settings, and names what is missing', () => {
  assert.ok(archiveConfig.parse({ kind: 'hdfs', url: 'http://namenode:9870', path: '/ecommerce' }));
  assert.ok(archiveConfig.parse({ kind: 's3', bucket: 'shop' }));
  assert.match(refused({ kind: 'hdfs', url: 'http://namenode:9870' }), /^path: /);
  assert.match(refused({ kind: 'hdfs', url: 'hdfs://namenode:9000', path: '/ecommerce' }), /^url: /);
  for (const path of ['ecommerce', '/', '/ecommerce/', '//a'])
    assert.match(refused({ kind: 'hdfs', url: 'http://namenode:9870', path }), /absolute path on HDFS/);
  assert.match(refused({ kind: 's3', bucket: 'shop', path: '/x' }), /path/);
  assert.match(refused({ kind: 's3', bucket: 'shop', prefix: '/x' }), /begin or end/);
  assert.match(refused({ kind: 's3', bucket: 'shop', access_key_id: 'key' }), /or neither/);
});
