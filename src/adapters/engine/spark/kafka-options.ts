import type { KeyObject } from 'node:crypto';
import { UsageError } from '../../../domain/errors.ts';
import type { KafkaConnectionConfig } from '../../kafka-client/config.ts';
import { readTlsFiles } from '../../kafka-client/tls-files.ts';

const MODULES = {
  PLAIN: 'org.apache.kafka.common.security.plain.PlainLoginModule',
  'SCRAM-SHA-256': 'org.apache.kafka.common.security.scram.ScramLoginModule',
  'SCRAM-SHA-512': 'org.apache.kafka.common.security.scram.ScramLoginModule',
} as const;
/** Kinds of keys that Kafka's Java client reads. */
const JAVA_KEYS = ['rsa', 'ec', 'dsa'];

/**
 * The connection of the log as Spark's Kafka source and sink take it. Certificates are handed over as text, as executors
 * have other disks.
 */
export async function kafkaOptions(connection: KafkaConnectionConfig): Promise<Record<string, string>> {
  const { brokers, tls, sasl } = connection;
  const options: Record<string, string> = { 'bootstrap.servers': brokers.join(',') };
  if (tls || sasl) options['security.protocol'] = sasl ? (tls ? 'SASL_SSL' : 'SASL_PLAINTEXT') : 'SSL';
  if (sasl) {
    const quoted = (text: string) => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
    options['sasl.mechanism'] = sasl.mechanism;
    options['sasl.jaas.config'] =
      `${MODULES[sasl.mechanism]} required username=${quoted(sasl.username)} password=${quoted(sasl.password)};`;
  }
  if (tls) {
    if (!tls.reject_unauthorized)
      throw new UsageError(
        'engine.kind spark checks the certificates of the brokers; log.tls.reject_unauthorized: false is not for it. Set log.tls.ca_file.',
      );
    const { ca, own } = await readTlsFiles(tls, 'log.').catch((error: Error) => {
      throw new UsageError(`Spark can't be given the certificates of Kafka: ${error.message}.`);
    });
    if (ca) {
      options['ssl.truststore.type'] = 'PEM';
      options['ssl.truststore.certificates'] = ca;
    }
    if (own) {
      options['ssl.keystore.type'] = 'PEM';
      options['ssl.keystore.certificate.chain'] = own.certificate;
      options['ssl.keystore.key'] = javaKey(own.key);
    }
  }
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [`kafka.${name}`, value]));
}

/** Java reads keys as PKCS#8 only ("BEGIN PRIVATE KEY"); files often have other forms ("BEGIN RSA PRIVATE KEY"). */
function javaKey(key: KeyObject): string {
  const kind = key.asymmetricKeyType!;
  if (!JAVA_KEYS.includes(kind))
    throw new UsageError(
      `log.tls.key_file has a key of the kind ${kind}, which Spark's Kafka client can't read. Use an RSA or EC key.`,
    );
  return key.export({ type: 'pkcs8', format: 'pem' }) as string;
}
