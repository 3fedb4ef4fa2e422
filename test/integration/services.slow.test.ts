/** `tillstream services`, with the real servers. The first run on a machine fetches them, which takes minutes. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';
import { after, describe, it, test } from 'node:test';
import type { Connections, ServiceName } from '../../tools/dev-services/server.ts';
import type { ServiceStatus } from '../../tools/dev-services/services.ts';
import { kafkaMetadata } from '../support/kafka-request.ts';
import { isAlive } from '../support/processes.ts';
import { cli, temporaryDir, until } from '../support/product.ts';
import { ROUND_TRIPS, type RoundTrip } from '../support/round-trips.ts';
import { startService } from '../support/services.ts';
import { itThorough } from '../support/thorough.ts';

const FETCH_MS_MAX = 800_000;
const { HOME = '', XDG_CACHE_HOME = join(HOME, '.cache'), GOPROXY } = process.env;
const NAMES: ServiceName[] = ['kafka', 'hdfs', 'influxdb', 's3'];

function services(args: string[], env: Record<string, string> = {}) {
  const caller = { XDG_CACHE_HOME, ...(GOPROXY ? { GOPROXY } : {}) };
  return cli(['services', ...args], { env: { ...caller, ...env }, timeoutMs: FETCH_MS_MAX });
}

for (const name of NAMES) {
  describe(`services: ${name}`, () => {
    const dataDir = temporaryDir();
    const on = ['--data', dataDir, '--json'];
    after(() => services(['down', ...on]));
    // What is done with the processes is the same for each server, and this one starts at once.
    const itOn = name === 's3' ? it : itThorough;
    const roundTrip = ROUND_TRIPS[name] as RoundTrip<ServiceName>;
    let info: Connections[ServiceName];
    let pids: number[];

    const up = async () => {
      const result = await services(['up', name, ...on]);
      assert.equal(result.code, 0, result.stderr);
      return result.json<Connections>();
    };
    const status = async () =>
      (await services(['status', name, ...on])).json<Record<ServiceName, ServiceStatus>>()[name];
    const pidsOf = ({ processes }: ServiceStatus) => processes.map(({ pid }) => pid);

    it('starts, and can be used', async () => {
      const connections = await up();
      assert.deepEqual(Object.keys(connections), [name]);
      info = connections[name];
      await roundTrip.write(info);
      await roundTrip.read(info);
      pids = pidsOf(await status());
    });

    itOn('stays as it is when it is asked to come up again', async () => {
      const before = await status();
      assert.equal(before.state, 'running');
      assert.deepEqual(before.connection, info);
      assert.deepEqual((await up())[name], info);
      assert.deepEqual(pidsOf(before), pids);
      assert.deepEqual(pidsOf(await status()), pids);
    });

    it('shows its secrets to no other user', async () => {
      const { token = '', secret_access_key: key = '' } = info as Partial<Connections['influxdb' & 's3']>;
      const secrets = [String(token).split(':').at(-1), String(key)].filter((secret) => secret);
      const shown = [
        ...pids.map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8')),
        ...logsIn(join(dataDir, 'services', name)),
        (await services(['status', '--data', dataDir])).stdout,
        (await services(['up', name, '--data', dataDir])).stdout,
      ];
      for (const secret of secrets)
        for (const text of shown) assert.ok(!text.includes(secret!), `a secret is in: ${text}`);
      assert.equal(statSync(join(dataDir, 'services', 'services.json')).mode & 0o777, 0o600);
    });

    itOn('is dead after kill -9, and comes back with its address and data', async () => {
      for (const pid of pids) process.kill(pid, 'SIGKILL');
      await until(async () => (await status()).processes.every(({ alive }) => !alive), 'its end');
      assert.equal((await status()).state, 'dead');
      assert.deepEqual((await up())[name], info);
      pids = pidsOf(await status());
      await roundTrip.read(info);
    });

    itOn('is stopped by down, keeps its data, and loses them when asked to', async () => {
      const { stdout } = await services(['down', '--data', dataDir]);
      for (const pid of pids) {
        assert.match(stdout, new RegExp(`^Stopped .*\\(${pid}\\)`));
        assert.ok(!isAlive(pid), `process ${pid} is still there`);
      }
      assert.equal((await status()).state, 'stopped');
      assert.deepEqual((await services(['down', ...on])).json(), { stopped: [], data_removed: false });
      assert.deepEqual((await up())[name], info);
      await roundTrip.read(info);
      assert.equal((await services(['down', name, '--remove-data', ...on])).code, 0);
      assert.equal((await status()).address, null);
      assert.ok(!existsSync(join(dataDir, 'services', name)));
    });
  });
}

test('services: another program that has the pid of a dead server is left alone', async () => {
  const dataDir = temporaryDir();
  const on = ['--data', dataDir];
  assert.equal((await services(['up', 's3', ...on])).code, 0);
  const file = join(dataDir, 'services', 'services.json');
  const state = JSON.parse(readFileSync(file, 'utf8'));
  const server = state.s3.processes.versitygw.pid;
  process.kill(server, 'SIGKILL');
  await until(() => !isAlive(server), 'the end of the server');
  const other = spawn('sleep', ['600']);
  try {
    state.s3.processes.versitygw.pid = other.pid;
    writeFileSync(file, JSON.stringify(state));
    assert.match((await services(['status', 's3', ...on])).stdout, /s3 +dead/);
    assert.equal((await services(['down', ...on])).stdout, 'None of them was running.\n');
    assert.ok(isAlive(other.pid!));
  } finally {
    other.kill('SIGKILL');
  }
});

itThorough('services: three brokers; one is killed and comes back', async () => {
  const kafka = await startService('kafka', { brokers: 3 });
  const { brokers } = kafka.info;
  await ROUND_TRIPS.kafka.write(kafka.info);
  const inSync = async () => (await kafkaMetadata(brokers[0]!)).topics.get('kept');
  await until(async () => (await inSync()) === 3, 'three replicas in sync');
  await kafka.kill('SIGKILL', 2);
  await until(async () => (await kafkaMetadata(brokers[0]!)).brokers.length === 2, 'a broker less', 60_000);
  await kafka.restart();
  await until(async () => (await inSync()) === 3, 'three replicas in sync again', 60_000);
  await ROUND_TRIPS.kafka.read(kafka.info);
});

itThorough('services: a DataNode is killed alone and comes back', async () => {
  const hdfs = await startService('hdfs');
  await ROUND_TRIPS.hdfs.write(hdfs.info);
  await hdfs.kill('SIGKILL', 'datanode');
  await assert.rejects(ROUND_TRIPS.hdfs.read(hdfs.info));
  await hdfs.restart();
  await ROUND_TRIPS.hdfs.read(hdfs.info);
});

describe('services: what is wrong is reported in a sentence', () => {
  const on = ['--data', temporaryDir()];

  it('a wrong name', async () => {
    for (const command of ['up', 'down', 'status']) {
      const { code, stdout, stderr } = await services([command, 'kafka,mysql', ...on]);
      assert.equal(code, 2);
      assert.equal(stdout, '');
      assert.match(
        stderr,
        /^There is no server "mysql"\. Use kafka, hdfs, influxdb, s3, .*, separated by commas\.\n$/,
      );
    }
  });

  it('a wrong number of brokers', async () => {
    const { code, stderr } = await services(['up', 'kafka', '--brokers', 'many', ...on]);
    assert.equal(code, 2);
    assert.match(stderr, /--brokers "many" is not a whole number/);
  });

  it('no java, no mvn', async () => {
    for (const [missing, server] of [
      ['java', 'Kafka'],
      ['mvn', 'HDFS'],
    ] as const) {
      const env = { PATH: pathWithout(missing), XDG_CACHE_HOME: temporaryDir() };
      const { code, stderr } = await services(['up', server.toLowerCase(), ...on], env);
      assert.equal(code, 1);
      assert.match(
        stderr,
        new RegExp(`^${server} .*there is no ${missing} in PATH\\. Install it .*\\n$`, 'm'),
      );
    }
  });

  it('a module proxy that is not there, and no go', async () => {
    const cache = temporaryDir();
    const env = { PATH: pathWithout('go'), XDG_CACHE_HOME: cache, GOPROXY: 'http://127.0.0.1:9' };
    const { code, stderr } = await services(['up', 's3', ...on], env);
    assert.equal(code, 1);
    assert.match(stderr, /Go [\d.]+ could not be fetched: .*refused.*Check the network/);
    assert.deepEqual(readdirSync(join(cache, 'tillstream', 'services')), [], 'something half done is left');
  });
});

// That the second of two waits for the first is in tools/dev-services/cache.test.ts, too; this one fetches Go and compiles.
itThorough('services: two first starts at once on a machine without go', async () => {
  const GOCACHE = process.env.GOCACHE ?? join(XDG_CACHE_HOME, 'go-build');
  const cache = temporaryDir();
  const env = { PATH: pathWithout('go'), XDG_CACHE_HOME: cache, GOCACHE };
  const dirs = [temporaryDir(), temporaryDir()];
  try {
    const starts = await Promise.all(dirs.map((dir) => services(['up', 's3', '--data', dir, '--json'], env)));
    for (const { code, stderr } of starts) assert.equal(code, 0, stderr);
    const said = starts.map(({ stderr }) => stderr).join('');
    assert.equal(said.match(/^Fetching Go /gm)?.length, 1, said);
    assert.equal(said.match(/^Waiting for another start/gm)?.length, 1, said);
    const kept = readdirSync(join(cache, 'tillstream', 'services')).filter((name) => name.startsWith('new-'));
    assert.deepEqual(kept, []);
    for (const start of starts) await ROUND_TRIPS.s3.write(start.json<Connections>().s3);
  } finally {
    for (const dir of dirs) await services(['down', '--data', dir]);
  }
});

function logsIn(dir: string): string[] {
  return readdirSync(dir)
    .filter((name) => /\.log(\.old)?$/.test(name))
    .map((name) => readFileSync(join(dir, name), 'utf8'));
}

/** A folder with links to all programs of PATH but one. */
function pathWithout(program: string): string {
  const bin = join(temporaryDir(), 'bin');
  mkdirSync(bin);
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    if (!existsSync(folder)) continue;
    for (const name of readdirSync(folder)) {
      if (name === program || existsSync(join(bin, name))) continue;
      try {
        symlinkSync(join(folder, name), join(bin, name));
      } catch {
        // A link that leads nowhere is there already.
      }
    }
  }
  return bin;
}
