import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import { influxConfigSchema } from '../../src/sinks/influxdb/config.ts';
import { metricSchemaOf } from '../../src/sinks/influxdb/metric-schema.ts';
import { InfluxSink } from '../../src/sinks/influxdb/sink.ts';
import { openStateFile } from '../../src/system/state-file.ts';
import { testNow } from '../support/clock.ts';
import { Influx, type InfluxRow } from '../support/influx.ts';
import { quietLogger } from '../support/kafka.ts';
import { temporaryDir } from '../support/product.ts';
import { ownName, sharedService } from '../support/services.ts';
import { eventText, pointText, sinkContract } from './sink.ts';

let influx: Influx;
let places = 0;

/** A way to the server that can be cut, or swallow what is sent. */
async function startWay(port: number) {
  const open = new Set<Socket>();
  let state: 'there' | 'away' | 'silent' = 'there';
  const server = createServer((client) => {
    open.add(client);
    client.on('error', () => {}).on('close', () => open.delete(client));
    if (state === 'away') return void client.destroy();
    if (state === 'silent') return void client.resume();
    const upstream = connect(port, '127.0.0.1');
    upstream.on('error', () => client.destroy());
    client.on('close', () => upstream.destroy());
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  return {
    port: (server.address() as AddressInfo).port,
    become(next: typeof state) {
      state = next;
      for (const socket of open) socket.destroy();
    },
  };
}

const timeMs = ({ time }: InfluxRow) => Number(BigInt(String(time)) / 1_000_000n);
const textOr = (value: InfluxRow[string] | undefined) =>
  value === null || value === undefined ? null : String(value);
const numberOr = (value: InfluxRow[string] | undefined) =>
  value === null || value === undefined ? null : Number(value);

sinkContract({
  name: 'InfluxDB 1.8',
  async setUp() {
    influx = new Influx(await sharedService('influxdb'));
  },
  async place() {
    const database = ownName(`sink${places++}`);
    await influx.query(`CREATE DATABASE "${database}"`);
    const way = await startWay(Number(new URL(influx.info.url).port));
    const config = influxConfigSchema.parse({
      ...influx.info,
      url: `http://127.0.0.1:${way.port}`,
      bucket: `${database}/autogen`,
      batch_lines_max: 50,
    });
    const dataDir = temporaryDir();
    return {
      open: () =>
        new InfluxSink({
          config,
          schemas: CATALOGUE.map(metricSchemaOf),
          tagsFile: openStateFile(join(dataDir, 'tag-values.json')),
          logger: quietLogger,
          now: testNow,
        }),
      points: async () =>
        (await influx.query('SELECT * FROM "tillstream_traffic"', database)).map((row) =>
          pointText(
            String(row.window),
            timeMs(row),
            String(row.event_type),
            String(row.device_type),
            Number(row.events),
          ),
        ),
      events: async () =>
        (await influx.query('SELECT * FROM "ecommerce_event"', database)).map((row) =>
          eventText({
            timeMs: timeMs(row),
            eventType: String(row.event_type),
            deviceType: textOr(row.device_type),
            statusCode: numberOr(row.status_code),
            userId: textOr(row.user_id),
            responseTime: numberOr(row.response_time),
          }),
        ),
      become: async (state) => way.become(state),
    };
  },
});
