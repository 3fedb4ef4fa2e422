/** TLS and SASL of the Kafka client, against a real broker. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaConnectionConfig } from '../../src/kafka-client/config.ts';
import type { EventLog } from '../../src/log/event-log.ts';
import { kafkaLogConfigSchema } from '../../src/log/kafka/config.ts';
import { joinPartitionGroup } from '../../src/log/kafka/group.ts';
import { openKafkaLog } from '../../src/log/kafka/open-log.ts';
import { fakeContext } from '../../src/sources/fake-context.ts';
import { kafkaSourceOptionsSchema } from '../../src/sources/kafka/config.ts';
import { createKafkaSource } from '../../src/sources/kafka/kafka-source.ts';
import { UsageError } from '../../src/telemetry/errors.ts';
import { type Identity, issue } from '../support/certificates.ts';
import { testNow } from '../support/clock.ts';
import { linesOf, openLog, quietLogger, readAllBatches } from '../support/kafka.ts';
import { type ListenerName, type SecuredKafka, startSecuredKafka, USER } from '../support/kafka-secured.ts';
import { cli, configFile, temporaryDir, until } from '../support/product.ts';

type Access = Pick<KafkaConnectionConfig, 'tls' | 'sasl'>;
type Mechanism = NonNullable<KafkaConnectionConfig['sasl']>['mechanism'];

const TIMEOUT_SECONDS = 2;
const WRONG_PASSWORD = 'not-the-Password';

let kafka: SecuredKafka;
before(async () => {
  kafka = await startSecuredKafka();
});

let topics = 0;
const newTopic = () => `secured-${topics++}`;

/** The `tls` of a config. */
function tls(own?: Identity, authority = kafka.authority) {
  return {
    ca_file: kafka.file(authority.certificate),
    reject_unauthorized: true,
    ...(own && { cert_file: kafka.file(own.certificate), key_file: kafka.file(own.key) }),
  };
}
const sasl = (mechanism: Mechanism, more: object = {}) => ({ mechanism, ...USER, ...more });

function connection(listener: ListenerName, access: Access, topic = newTopic()) {
  const brokers = [kafka.address[listener]];
  return { brokers, topic, request_timeout_seconds: TIMEOUT_SECONDS, ...access };
}

/** What a failed test leaves open would keep the process alive. */
const opened: { close(): Promise<void> }[] = [];
after(() => Promise.all(opened.map((each) => each.close())));

async function open(options: object, dir = temporaryDir()): Promise<EventLog> {
  const log = await openLog([], dir, { partitions: 1, ...options });
  opened.push(log);
  return log;
}

const append = (log: EventLog, n: number) =>
  log.append({ source: 'http', bytes: [Buffer.from(`{"n":${n}}\n`)], lines: 1 });
const numbersOf = async (log: EventLog) =>
  linesOf(await readAllBatches(log)).map((line) => JSON.parse(line).n as number);

describe('log, source and group work', () => {
  const ways: [string, ListenerName, () => Access][] = [
    ['over TLS', 'tls', () => ({ tls: tls() })],
    ['over TLS, whoever it is', 'misnamed', () => ({ tls: { reject_unauthorized: false } })],
    ['over TLS with our certificate', 'mutual', () => ({ tls: tls(kafka.client) })],
    ['as a user over TLS, PLAIN', 'sasltls', () => ({ tls: tls(), sasl: sasl('PLAIN') })],
    ['as a user over TLS, SCRAM-SHA-256', 'sasltls', () => ({ tls: tls(), sasl: sasl('SCRAM-SHA-256') })],
    ['as a user over TLS, SCRAM-SHA-512', 'sasltls', () => ({ tls: tls(), sasl: sasl('SCRAM-SHA-512') })],
    ['as a user without TLS', 'sasl', () => ({ sasl: sasl('SCRAM-SHA-512') })],
  ];
  for (const [name, listener, access] of ways) {
    it(name, async () => {
      const options = connection(listener, access());
      const dir = temporaryDir();
      // Nobody else has made the topic.
      let log = await open(options, dir);
      await append(log, 1);
      await append(log, 2);
      assert.deepEqual(await numbersOf(log), [1, 2]);
      await log.close();
      log = await open(options, dir);
      await append(log, 3);
      assert.deepEqual(await numbersOf(log), [1, 2, 3]);
      assert.deepEqual(log.received(), { http: 3 });

      const context = fakeContext(temporaryDir());
      const source = createKafkaSource(kafkaSourceOptionsSchema.parse(options), context);
      assert.match(await source.check(), /1 partition, 3 offsets/);
      source.start();
      await until(() => context.lines.length === 3, 'the lines in the source');
      await source.stop();
      assert.deepEqual([source.status().counters.faults, context.warnings], [0, []]);

      const config = kafkaLogConfigSchema.parse(options);
      const group = await joinPartitionGroup({ config, group: options.topic, logger: quietLogger });
      opened.push(group);
      await until(() => group.partitions().length === 1, 'the partition');
      await group.close();
      await log.close();
    });
  }

  it('with a host name', async () => {
    const options = connection('tls', { tls: tls() });
    const brokers = options.brokers.map((each) => each.replace('127.0.0.1', 'localhost'));
    const log = await open({ ...options, brokers });
    await append(log, 1);
    await log.close();
  });

  it('while users must authenticate every 2 s', async () => {
    const untilMs = performance.now() + 5000;
    const mechanisms = ['PLAIN', 'SCRAM-SHA-512'] as const;
    const all = mechanisms.map(async (mechanism) => {
      const { log, warnings } = await openWithWarnings({ tls: tls(), sasl: sasl(mechanism) });
      let appended = 0;
      while (performance.now() < untilMs) {
        await append(log, appended++);
        await sleep(20);
      }
      assert.equal((await numbersOf(log)).length, appended);
      assert.deepEqual(warnings, []);
      await log.close();
    });
    await Promise.all(all);
  });

  it('again after the password was wrong for a while', async () => {
    const [username, password] = ['changing', 'the-first-Password'];
    await kafka.setPassword(username, password);
    const { log, warnings } = await openWithWarnings({
      tls: tls(),
      sasl: sasl('SCRAM-SHA-512', { username, password }),
    });
    await append(log, 1);
    await kafka.setPassword(username, 'another-Password');
    await until(() => log.status().state === 'failed', 'the log to notice', 60_000);
    assert.match(log.status().message, /refused the user changing .* Check log\.sasl\./);
    await kafka.setPassword(username, password);
    await until(() => log.status().state === 'ready', 'the log to be let in again');
    await append(log, 2);
    assert.deepEqual(await numbersOf(log), [1, 2]);
    await log.close();
    assert.ok(warnings.length > 0 && !warnings.join().includes('Password'), warnings.join('\n'));
  });
});

/** A log that is entered with a password. */
async function openWithWarnings(access: Access) {
  const warnings: string[] = [];
  const warn = (fields: object, message: string) =>
    void warnings.push(`${message} ${JSON.stringify(fields)}`);
  const log = await openKafkaLog({
    config: kafkaLogConfigSchema.parse({ ...connection('sasltls', access), partitions: 3 }),
    dir: temporaryDir(),
    readers: ['archive', 'metrics'],
    now: testNow,
    logger: { ...quietLogger, warn, error: warn },
    program: 'test',
  });
  opened.push(log);
  return { log, warnings };
}

describe('what is wrong is reported', () => {
  const encrypted = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' } as const;
  const keyFile = (key: string) => ({ ...tls(kafka.client), key_file: kafka.file(key) });
  const cases: [string, ListenerName, () => Access, RegExp][] = [
    [
      'a wrong password',
      'sasltls',
      () => ({ tls: tls(), sasl: sasl('SCRAM-SHA-512', { password: WRONG_PASSWORD }) }),
      /broker ADDRESS refused the user till with SCRAM-SHA-512: the name or the password is wrong.* Check log\.sasl\./,
    ],
    [
      'a wrong password, PLAIN',
      'sasltls',
      () => ({ tls: tls(), sasl: sasl('PLAIN', { password: WRONG_PASSWORD }) }),
      /broker ADDRESS refused the user till with PLAIN: /,
    ],
    [
      'an unknown user',
      'sasl',
      () => ({ sasl: sasl('SCRAM-SHA-512', { username: 'nobody' }) }),
      /broker ADDRESS refused the user nobody with SCRAM-SHA-512: /,
    ],
    [
      'a mechanism that is not enabled',
      'sasl',
      () => ({ sasl: sasl('PLAIN') }),
      /broker ADDRESS does not offer PLAIN at this port, but SCRAM-SHA-512\. Change log\.sasl\.mechanism/,
    ],
    [
      'another authority',
      'tls',
      () => ({ tls: tls(undefined, kafka.stranger) }),
      /broker ADDRESS has a certificate that none of the authorities in \S+\.pem signed\. .* into log\.tls\.ca_file/,
    ],
    [
      'no authority',
      'tls',
      () => ({ tls: { reject_unauthorized: true } }),
      /broker ADDRESS has a certificate of an authority that is not known here\. Set log\.tls\.ca_file/,
    ],
    [
      'no client certificate',
      'mutual',
      () => ({ tls: tls() }),
      /broker ADDRESS (requires|closed .*) a client certificate .*log\.tls\.cert_file/,
    ],
    [
      'a client certificate that the broker does not trust',
      'mutual',
      () => ({ tls: tls(issue(kafka.stranger, ['client'])) }),
      /broker ADDRESS refuses our certificate .*log\.tls\.cert_file must be /,
    ],
    [
      'a certificate for another host',
      'misnamed',
      () => ({ tls: tls() }),
      /broker ADDRESS has a certificate for another host \(kafka\.example\)\. Use a name from it/,
    ],
    [
      'a certificate that is over',
      'expired',
      () => ({ tls: tls() }),
      /broker ADDRESS has a certificate that has expired/,
    ],
    [
      'TLS at a port without',
      'plaintext',
      () => ({ tls: tls() }),
      /broker ADDRESS broke off the TLS handshake, .*Leave out log\.tls, or /,
    ],
    [
      'TLS and a user at a port without TLS',
      'sasl',
      () => ({ tls: tls(), sasl: sasl('SCRAM-SHA-512') }),
      /broker ADDRESS broke off the TLS handshake, .*Leave out log\.tls, or /,
    ],
    [
      'no TLS at a port with',
      'tls',
      () => ({}),
      /broker ADDRESS speaks TLS at this port\. Set log\.tls, or /,
    ],
    [
      'a user without TLS at a port with',
      'sasltls',
      () => ({ sasl: sasl('SCRAM-SHA-512') }),
      /broker ADDRESS closed the connection without an answer\. .* require TLS \(log\.tls\)/,
    ],
    [
      'no user where one is wanted',
      'sasl',
      () => ({}),
      /broker ADDRESS closed the connection without an answer\. .* require a user \(log\.sasl\)/,
    ],
    [
      'a user where none is wanted',
      'tls',
      () => ({ tls: tls(), sasl: sasl('SCRAM-SHA-512') }),
      /broker ADDRESS asks for no user at this port\. Leave out log\.sasl, or /,
    ],
    [
      'a file of certificates that holds none',
      'tls',
      () => ({ tls: { ...tls(), ca_file: kafka.file('nothing') } }),
      /log\.tls\.ca_file: \S+\.pem holds no certificate in PEM form/,
    ],
    [
      'a file that is not there',
      'tls',
      () => ({ tls: { ...tls(), ca_file: '/nowhere/ca.pem' } }),
      /log\.tls\.ca_file: \/nowhere\/ca\.pem can't be read: there is no such file/,
    ],
    [
      'the key of another certificate',
      'mutual',
      () => ({ tls: keyFile(issue(kafka.authority, ['client']).key) }),
      /log\.tls\.key_file: the key in \S+\.pem does not belong to the first certificate in \S+\.pem/,
    ],
    [
      'a key with a passphrase',
      'mutual',
      () => ({ tls: keyFile(kafka.client.privateKey.export(encrypted) as string) }),
      /log\.tls\.key_file: the key in \S+\.pem is encrypted\. Give one without a passphrase/,
    ],
  ];
  for (const [name, listener, access, expected] of cases) {
    it(name, async () => {
      const options = connection(listener, access());
      const message = (place: string) => {
        const [address] = options.brokers;
        return new RegExp(expected.source.replace('ADDRESS', address!).replaceAll('log\\.', place));
      };
      const began = performance.now();
      await assert.rejects(open(options), (error: Error) => {
        assert.match(error.message, message('log\\.'));
        assertQuiet(error.message);
        return error instanceof UsageError;
      });

      const context = fakeContext(temporaryDir());
      const source = createKafkaSource(kafkaSourceOptionsSchema.parse(options), context);
      await assert.rejects(source.check(), (error: Error) => {
        assertQuiet(error.message);
        return message('').test(error.message);
      });
      source.start();
      await until(() => source.status().state === 'waiting', 'the source to say it');
      assert.match(source.status().message, message(''));
      await source.stop();
      assertQuiet(context.warnings.join());
      assert.ok(performance.now() - began < 3 * TIMEOUT_SECONDS * 1000);
    });
  }

  it('by check and doctor', async () => {
    const access = { tls: tls(), sasl: sasl('SCRAM-SHA-512', { password: '${KAFKA_PASSWORD}' }) };
    const cases: [string, object, RegExp][] = [
      ['check', connection('sasltls', access), /refused the user till .*log\.sasl\.username/],
      ['doctor', connection('misnamed', { tls: tls() }), /has a certificate for another host/],
      ['check', connection('mutual', { tls: tls() }), /requires a client certificate/],
      ['check', connection('plaintext', { tls: tls() }), /broke off the TLS handshake/],
    ];
    const results = cases.map(async ([command, options, expected]) => {
      const config = configFile({ log: { kind: 'kafka', ...options } });
      const { code, stdout, stderr } = await cli([command, '--config', config, '--data', temporaryDir()], {
        env: { KAFKA_PASSWORD: WRONG_PASSWORD },
      });
      const output = stdout + stderr;
      assert.equal(code, 1, output);
      assert.match(output, expected);
      assert.doesNotMatch(output, /^\s+at .*:\d+:\d+/m);
      assertQuiet(output);
    });
    await Promise.all(results);
  });

  function assertQuiet(output: string): void {
    for (const password of [USER.password, WRONG_PASSWORD]) assert.ok(!output.includes(password), output);
  }
});
