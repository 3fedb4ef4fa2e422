import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { Connections, ServiceName } from '../../tools/dev-services/server.ts';
import { createKafkaTopic, kafkaMetadata } from './kafka-request.ts';

const VALUE = 'kept through every restart';
const TIME_NS = '1795500000000000000';

/** Writes something to a server, and proves that it is there. */
export interface RoundTrip<Name extends ServiceName> {
  write(info: Connections[Name]): Promise<void>;
  /** Fails unless the server holds what was written. */
  read(info: Connections[Name]): Promise<void>;
}

export const ROUND_TRIPS: { [Name in ServiceName]: RoundTrip<Name> } = {
  kafka: {
    write: ({ brokers }) => createKafkaTopic(brokers[0]!, 'kept', brokers.length),
    async read({ brokers }) {
      const metadata = await kafkaMetadata(brokers[0]!);
      assert.deepEqual(metadata.brokers, [...brokers].sort());
      assert.ok(metadata.topics.has('kept'), 'the topic is gone');
    },
  },

  hdfs: {
    /** With node:http: a DataNode sends a 100 Continue that nobody asked for, which fetch takes for an error. */
    async write({ url }) {
      const first = await put(`${url}/webhdfs/v1/dir/kept?op=CREATE&user.name=test`, '');
      assert.equal(first.statusCode, 307);
      const second = await put(first.headers.location!, VALUE);
      assert.equal(second.statusCode, 201);
    },
    async read({ url }) {
      const answer = await fetch(`${url}/webhdfs/v1/dir/kept?op=OPEN&user.name=test`);
      assert.equal(await answer.text(), VALUE);
    },
  },

  influxdb: {
    async write({ url, token, org, bucket }) {
      const to = new URLSearchParams({ org, bucket, precision: 'ns' });
      const answer = await fetch(`${url}/api/v2/write?${to}`, {
        method: 'POST',
        headers: { authorization: `Token ${token}` },
        body: `kept,tag=a text="${VALUE}" ${TIME_NS}`,
      });
      assert.equal(answer.status, 204, await answer.text());
    },
    async read({ url, token, org, bucket }) {
      const query = `from(bucket: "${bucket}") |> range(start: 2026-01-01T00:00:00Z, stop: 2027-01-01T00:00:00Z)`;
      const ask = (login: string) =>
        fetch(`${url}/api/v2/query?${new URLSearchParams({ org })}`, {
          method: 'POST',
          headers: { authorization: `Token ${login}`, 'content-type': 'application/vnd.flux' },
          body: query,
        });
      assert.match(await (await ask(token)).text(), new RegExp(VALUE));
      assert.equal((await ask(`${token}x`)).status, 401);
    },
  },

  s3: {
    async write(info) {
      await s3Client(info).send(new PutObjectCommand({ Bucket: info.bucket, Key: 'dir/kept', Body: VALUE }));
    },
    async read(info) {
      const get = new GetObjectCommand({ Bucket: info.bucket, Key: 'dir/kept' });
      const { Body } = await s3Client(info).send(get);
      assert.equal(await Body?.transformToString(), VALUE);
      const other = s3Client({ ...info, secret_access_key: 'wrong' });
      await assert.rejects(other.send(get), { name: 'SignatureDoesNotMatch' });
    },
  },

  /** That it computes is shown by test/integration/spark-services.slow.test.ts; here, that the master listens. */
  spark: {
    async write() {},
    async read({ master }) {
      const { hostname, port } = new URL(master.replace('spark:', 'http:'));
      const socket = connect(Number(port), hostname);
      await once(socket, 'connect');
      socket.destroy();
    },
  },

  yarn: {
    async write() {},
    async read({ hadoop_conf_dir: conf }) {
      const site = readFileSync(join(conf, 'yarn-site.xml'), 'utf8');
      const [, address] = /resourcemanager\.webapp\.address<\/name>\s*<value>([^<]+)/.exec(site) ?? [];
      assert.equal((await fetch(`http://${address}/ws/v1/cluster/info`)).status, 200);
    },
  },
};

function s3Client(info: Connections['s3']): S3Client {
  return new S3Client({
    endpoint: info.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: { accessKeyId: info.access_key_id, secretAccessKey: info.secret_access_key },
  });
}

async function put(url: string, body: string): Promise<IncomingMessage> {
  const sent = request(url, { method: 'PUT', headers: { 'content-type': 'application/octet-stream' } });
  sent.end(body);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  await text(answer);
  return answer;
}
