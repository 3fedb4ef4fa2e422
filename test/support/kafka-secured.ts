import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { alterUserScramCredentialsV0 } from '@platformatic/kafka';
import { createKafkaClient } from '../../src/kafka-client/client.ts';
import { kafka } from '../../tools/dev-services/kafka.ts';
import { choosePorts } from '../../tools/dev-services/local-ports.ts';
import { type ProcessId, stopProcesses } from '../../tools/dev-services/processes.ts';
import type { Server, ServerSetup } from '../../tools/dev-services/server.ts';
import { startServer } from '../../tools/dev-services/start.ts';
import { type Authority, type Identity, issue, newAuthority } from './certificates.ts';

/** A user of the brokers. Its password has what configurations stumble over. */
export const USER = { username: 'till', password: 'p"a\\s=s, wo;rd' };

const PLAIN_MODULE = 'org.apache.kafka.common.security.plain.PlainLoginModule';
const SCRAM_MODULE = 'org.apache.kafka.common.security.scram.ScramLoginModule';

/** The listeners by name: which certificate they show, what they ask of clients. */
const LISTENERS = {
  tls: { certificate: 'own' },
  mutual: { certificate: 'own', clientCertificate: true },
  /** Its certificate is for another host. */
  misnamed: { certificate: 'misnamed' },
  expired: { certificate: 'expired' },
  /** Users have to show their password again and again. */
  sasltls: { certificate: 'own', mechanisms: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'], sessionMs: 2000 },
  sasl: { mechanisms: ['SCRAM-SHA-512'] },
} as const satisfies Record<string, ListenerOptions>;

interface ListenerOptions {
  certificate?: 'own' | 'misnamed' | 'expired';
  clientCertificate?: boolean;
  mechanisms?: readonly string[];
  sessionMs?: number;
}

export type ListenerName = 'plaintext' | keyof typeof LISTENERS;

export interface SecuredKafka {
  /** Address of each listener, host:port. */
  address: Record<ListenerName, string>;
  /** Signed the certificates of the brokers, and those that they take from clients. */
  authority: Authority;
  /** Signed nothing that the brokers know. */
  stranger: Authority;
  client: Identity;
  /** Path of a new file with the text. */
  file(text: string): string;
  /** Gives a user, who may be new, a password for SCRAM. */
  setPassword(username: string, password: string): Promise<void>;
}

const dirs: string[] = [];
const processes: ProcessId[] = [];
after(async () => {
  await stopProcesses(processes);
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
});

/** A real broker with a listener for each way of proving who is who; it ends with the tests of the file. */
export async function startSecuredKafka(): Promise<SecuredKafka> {
  const authority = newAuthority('Test CA');
  const dir = mkdtempSync(join(tmpdir(), 'tillstream-test-'));
  dirs.push(dir);
  let files = 0;
  const file = (text: string): string => {
    const path = join(dir, `file-${files++}.pem`);
    writeFileSync(path, text);
    return path;
  };
  const certificates = {
    own: issue(authority, ['localhost', '127.0.0.1']),
    misnamed: issue(authority, ['kafka.example']),
    expired: issue(authority, ['localhost', '127.0.0.1'], { expired: true }),
  };
  const pems = Object.fromEntries(
    Object.entries(certificates).map(([name, { key, certificate }]) => [name, file(key + certificate)]),
  );
  const trusted = file(authority.certificate);
  const names = Object.keys(LISTENERS);

  const server: Server = {
    ...kafka,
    portNames: () => [...kafka.portNames(1), ...names],
    async prepare(place, programs) {
      await kafka.prepare(place, programs);
      // Of a setting that stands there twice the last one counts.
      const config = join(place.dir, 'broker-1', 'server.properties');
      writeFileSync(config, readFileSync(config, 'utf8') + listenerSettings(place, pems, trusted));
    },
    processes: (place, programs) =>
      kafka
        .processes(place, programs)
        .map((spec) => ({ ...spec, ports: [...spec.ports, ...names.map((name) => place.ports[name]!)] })),
  };
  const place: ServerSetup = {
    dir: join(dir, 'kafka'),
    size: 1,
    ports: await choosePorts(server.portNames(1)),
    secrets: {},
  };
  await startServer(server, place, await kafka.fetch(console.error), {}, (_, id) => processes.push(id));

  const plaintext = `127.0.0.1:${place.ports['broker-1']}`;
  await setPassword(plaintext, USER.username, USER.password);
  const address = {
    plaintext,
    ...Object.fromEntries(names.map((name) => [name, `127.0.0.1:${place.ports[name]}`])),
  };
  return {
    address: address as SecuredKafka['address'],
    authority,
    stranger: newAuthority('Stranger'),
    client: issue(authority, ['client']),
    file,
    setPassword: (username, password) => setPassword(plaintext, username, password),
  };
}

function listenerSettings({ ports }: ServerSetup, pems: Record<string, string>, trusted: string): string {
  const entries: [string, ListenerOptions][] = Object.entries(LISTENERS);
  const listeners = [
    `PLAINTEXT://127.0.0.1:${ports['broker-1']}`,
    ...entries.map(([name]) => `${name.toUpperCase()}://127.0.0.1:${ports[name]}`),
  ].join(',');
  const protocols = entries.map(([name, { certificate, mechanisms }]) => {
    const protocol = `${mechanisms ? 'SASL_' : ''}${certificate ? 'SSL' : 'PLAINTEXT'}`;
    return `${name.toUpperCase()}:${protocol}`;
  });
  const lines = [
    `listeners=${listeners},CONTROLLER://127.0.0.1:${ports['controller-1']}`,
    `advertised.listeners=${listeners}`,
    `listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,${protocols.join(',')}`,
  ];
  for (const [name, { certificate, clientCertificate, mechanisms, sessionMs }] of entries) {
    const set = (setting: string, value: string) => lines.push(`listener.name.${name}.${setting}=${value}`);
    if (certificate) {
      set('ssl.keystore.type', 'PEM');
      set('ssl.keystore.location', pems[certificate]!);
      set('ssl.truststore.type', 'PEM');
      set('ssl.truststore.location', trusted);
    }
    if (clientCertificate) set('ssl.client.auth', 'required');
    if (sessionMs) set('connections.max.reauth.ms', String(sessionMs));
    if (mechanisms) set('sasl.enabled.mechanisms', mechanisms.join(','));
    for (const mechanism of mechanisms ?? []) {
      const quoted = USER.password.replaceAll(/["\\]/g, '\\$&');
      const module =
        mechanism === 'PLAIN'
          ? `${PLAIN_MODULE} required user_${USER.username}="${quoted}";`
          : `${SCRAM_MODULE} required;`;
      // A properties file takes a backslash for an escape of its own.
      set(`${mechanism.toLowerCase()}.sasl.jaas.config`, module.replaceAll('\\', '\\\\'));
    }
  }
  return `${lines.join('\n')}\n`;
}

/** Gives a user a password for both kinds of SCRAM. */
async function setPassword(address: string, name: string, password: string): Promise<void> {
  const client = await createKafkaClient({ brokers: [address], topic: 'none', request_timeout_seconds: 10 });
  const iterations = 4096;
  const added = (['sha256', 'sha512'] as const).map((hash, index) => {
    const salt = randomBytes(16);
    const saltedPassword = pbkdf2Sync(password, salt, iterations, hash === 'sha256' ? 32 : 64, hash);
    return { name, mechanism: index + 1, iterations, salt, saltedPassword };
  });
  // A request may name a user once.
  for (const each of added) await client.any(alterUserScramCredentialsV0.api, [], [each]);
  await client.close();
}
