import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import pLimit from 'p-limit';
import { REMOTE_LIMITS, TRANSFERS_MAX } from '../../src/archive/storage/remote.ts';
import { S3Bucket } from '../../src/archive/storage/s3/s3-bucket.ts';
import { s3Storage } from '../../src/archive/storage/s3/s3-storage.ts';
import { type CuttingProxy, startCuttingProxy } from '../support/cutting-proxy.ts';
import { temporaryDir } from '../support/product.ts';
import { startService, type TestService } from '../support/services.ts';
import { tableStorageContract } from './table-storage.ts';

const stagingDir = join(temporaryDir(), 'staging');
const SHORT = { requestMsMax: 5000, totalMsMax: 3000 };

let service: TestService<'s3'>;
let proxy: CuttingProxy;

before(async () => {
  service = await startService('s3');
  proxy = await startCuttingProxy(Number(new URL(service.info.endpoint).port));
});
after(() => proxy?.close());

function open({
  endpoint = service.info.endpoint,
  name = service.info.bucket,
  key = service.info.access_key_id,
  secret = service.info.secret_access_key,
  limits = REMOTE_LIMITS,
} = {}) {
  const bucket = new S3Bucket({
    bucket: name,
    endpoint,
    accessKeyId: key,
    secretAccessKey: secret,
    pathStyle: true,
    limits,
  });
  return s3Storage({
    bucket,
    root: 'shop/archive/events',
    stagingDir,
    transfers: pLimit(TRANSFERS_MAX),
  });
}
const proxied = () => `http://127.0.0.1:${proxy.port}`;

tableStorageContract({
  name: 'S3',
  open: async () => open(),
  stagingDir: () => stagingDir,
  faults: {
    async openCut(afterBytes) {
      proxy.cutAfterBytes = afterBytes;
      const before = proxy.cut;
      return { storage: open({ endpoint: proxied(), limits: SHORT }), cut: () => proxy.cut - before };
    },
    async openLosing(times) {
      proxy.cutAfterBytes = null;
      proxy.loseAnswerTo(/^PUT /, times);
      const before = proxy.lost;
      return { storage: open({ endpoint: proxied() }), lost: () => proxy.lost - before };
    },
  },
});

test('a missing bucket, wrong credentials and a server that is away are reported', async () => {
  await assert.rejects(open({ name: 'missing' }).check(), /has no bucket missing\. Create it/);
  await assert.rejects(open({ key: 'nobody' }).check(), /does not accept the credentials/);
  await assert.rejects(open({ secret: 'wrong' }).check(), (error: Error) => {
    assert.match(error.message, /does not accept the credentials/);
    assert.ok(!error.message.includes(service.info.secret_access_key));
    return true;
  });
  await service.kill();
  await assert.rejects(open({ limits: SHORT }).check(), /S3 at http:.* can't be reached/);
  const writing = open().putIfAbsent('after/outage.json', 'there');
  await service.restart();
  assert.equal(await writing, true);
  await open().check();
});
