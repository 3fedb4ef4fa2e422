import { z } from 'zod';

const tlsSchema = z
  .strictObject({
    ca_file: z.string().min(1).optional().describe('PEM file of the authority that signed the brokers.'),
    cert_file: z.string().min(1).optional().describe('PEM file of our own certificate, for mutual TLS.'),
    key_file: z.string().min(1).optional().describe('PEM file of its private key.'),
    reject_unauthorized: z
      .boolean()
      .default(true)
      .describe('false takes any certificate: for trying out only, as anyone may then read along.'),
  })
  .refine((tls) => (tls.cert_file === undefined) === (tls.key_file === undefined), {
    error: 'needs cert_file and key_file, or neither',
  })
  .describe('Encrypts the connections to the brokers; {} is enough where a public authority signed them.');

const saslSchema = z
  .strictObject({
    mechanism: z
      .enum(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'])
      .default('SCRAM-SHA-512')
      .describe('How the password is proven. PLAIN sends it as it is: with tls only.'),
    username: z.string().min(1).describe('User of the cluster.'),
    password: z.string().min(1).describe('Its password; keep it in the environment: ${NAME}.'),
  })
  .describe('Who we are to the brokers.');

/** The options by which every part of ours finds the brokers, to be spread into the part's own schema. */
export const kafkaConnectionOptions = {
  brokers: z
    .array(
      z
        .string()
        .regex(
          /^(\[[0-9a-fA-F:]+\]|[^\s:[\]]+):([1-9]\d{0,4})$/,
          'must be host:port, such as kafka-1.example:9092',
        ),
    )
    .min(1)
    .describe('Some brokers of the cluster as host:port; the others are found by them.'),
  topic: z
    .string()
    .regex(/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/, 'must be a topic name: letters, digits, ".", "_" and "-"')
    .default('ecommerce_logs')
    .describe('Name of the topic.'),
  tls: tlsSchema.optional(),
  sasl: saslSchema.optional(),
  request_timeout_seconds: z
    .number()
    .min(1)
    .max(300)
    .default(15)
    .describe('Most seconds that a broker may take for an answer.'),
};

const connectionSchema = z.object(kafkaConnectionOptions);
export type KafkaConnectionConfig = z.infer<typeof connectionSchema>;

/** A name for the topic at each of the brokers: two configs that share one mean the same topic. */
export function topicAddresses({
  brokers,
  topic,
}: Pick<KafkaConnectionConfig, 'brokers' | 'topic'>): string[] {
  return brokers.map((broker) => `${broker}/${topic}`);
}
