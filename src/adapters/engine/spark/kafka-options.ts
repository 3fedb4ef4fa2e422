import { readFile } from 'node:fs/promises';
import { UsageError } from '../../../domain/errors.ts';
import type { KafkaConnectionConfig } from '../../kafka-client/config.ts';

const MODULES = {
  PLAIN: 'org.apache.kafka.common.security.plain.PlainLoginModule',
  'SCRAM-SHA-256': 'org.apache.kafka.common.security.scram.ScramLoginModule',
  'SCRAM-SHA-512': 'org.apache.kafka.common.security.scram.ScramLoginModule',
} as const;

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
    if (tls.ca_file) {
      options['ssl.truststore.type'] = 'PEM';
      options['ssl.truststore.certificates'] = await readFile(tls.ca_file, 'utf8');
    }
    if (tls.cert_file && tls.key_file) {
      options['ssl.keystore.type'] = 'PEM';
      options['ssl.keystore.certificate.chain'] = await readFile(tls.cert_file, 'utf8');
      options['ssl.keystore.key'] = await readFile(tls.key_file, 'utf8');
    }
  }
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [`kafka.${name}`, value]));
}
