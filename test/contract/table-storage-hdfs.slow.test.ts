import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import pLimit from 'p-limit';
import { hdfsStorage } from '../../src/archive/storage/hdfs/hdfs-storage.ts';
import { WebHdfs } from '../../src/archive/storage/hdfs/webhdfs.ts';
import { REMOTE_LIMITS, TRANSFERS_MAX } from '../../src/archive/storage/remote.ts';
import { type CuttingProxy, startCuttingProxy } from '../support/cutting-proxy.ts';
import { temporaryDir } from '../support/product.ts';
import { startService, type TestService } from '../support/services.ts';
import { tableStorageContract } from './table-storage.ts';

const stagingDir = join(temporaryDir(), 'staging');
const ROOT = '/shop/archive/events';
/** Servers take their time to start. */
const PATIENT = { ...REMOTE_LIMITS, totalMsMax: 60_000 };
const SHORT = { requestMsMax: 5000, totalMsMax: 3000 };

let service: TestService<'hdfs'>;
let nameNode: CuttingProxy;
let dataNode: CuttingProxy;

before(async () => {
  service = await startService('hdfs');
  const dataNodePort = await portOfDataNode();
  dataNode = await startCuttingProxy(dataNodePort);
  nameNode = await startCuttingProxy(Number(new URL(service.info.url).port), () => ({
    from: `http://127.0.0.1:${dataNodePort}/`,
    to: `http://127.0.0.1:${dataNode.port}/`,
  }));
});
after(async () => {
  await nameNode?.close();
  await dataNode?.close();
});

/** Where the NameNode sends an upload to. */
async function portOfDataNode(): Promise<number> {
  const url = `${service.info.url}/webhdfs/v1/probe?op=CREATE&noredirect=true`;
  const { Location } = (await (await fetch(url, { method: 'PUT' })).json()) as { Location: string };
  return Number(new URL(Location).port);
}

function open({ url = service.info.url, root = ROOT, user = 'shop', limits = REMOTE_LIMITS } = {}) {
  const hdfs = new WebHdfs({ url, user, limits });
  return hdfsStorage({ hdfs, root, stagingDir, transfers: pLimit(TRANSFERS_MAX), limits });
}

tableStorageContract({
  name: 'HDFS',
  open: async () => open(),
  stagingDir: () => stagingDir,
  // WebHDFS gives all in one answer.
  manyFiles: 110,
  faults: {
    async openCut(afterBytes) {
      dataNode.cutAfterBytes = afterBytes;
      const before = dataNode.cut;
      const url = `http://127.0.0.1:${nameNode.port}`;
      return { storage: open({ url, limits: SHORT }), cut: () => dataNode.cut - before };
    },
    async openLosing(times) {
      dataNode.cutAfterBytes = null;
      nameNode.loseAnswerTo(/op=RENAME/, times);
      const before = nameNode.lost;
      return {
        storage: open({ url: `http://127.0.0.1:${nameNode.port}` }),
        lost: () => nameNode.lost - before,
      };
    },
  },
});

test('a file where the folder should be is reported', async () => {
  await open().put('file', 'x');
  await assert.rejects(open({ root: `${ROOT}/file` }).check(), /is a file\. Set archive\.path/);
});

test('a server that is not WebHDFS is reported', async () => {
  const url = service.info.url.replace(/$/, '/jmx');
  await assert.rejects(open({ url }).check(), /archive\.url/);
});

test('servers that are away are reported, and work continues when they are back', async () => {
  await service.kill('SIGKILL', 'datanode');
  await assert.rejects(open({ limits: SHORT }).check(), /HDFS/);
  await service.kill('SIGKILL', 'namenode');
  await assert.rejects(open({ limits: SHORT }).check(), /HDFS at http:.* can't be reached/);
  await assert.rejects(open({ limits: SHORT }).read('file'), /can't be reached/);
  const writing = open({ limits: PATIENT }).putIfAbsent('after/outage.json', 'there');
  await service.restart();
  assert.equal(await writing, true);
  assert.equal(await open().read('after/outage.json'), 'there');
  await open().check();
});
