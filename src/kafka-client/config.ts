import { z } from 'zod';

const tlsSchema = z
  .strictObject({
    ca_file: z
      .string()
      .min(1)
      .optional()
      .describe("PEM file of the authority that signed the brokers' certificates."),
    cert_file: z.string().min(1).optional().describe('PEM file of our own certificate, for mutual TLS.'),
    key_file: z.string().min(1).optional().describe('PEM file of its private key.'),
    reject_unauthorized: z
      .boolean()
      .default(true)
      .describe(
        'false accepts any certificate. For trying out only: the connection can then be intercepted.',
      ),
  })
  .refine((tls) => (tls.cert_file === undefined) === (tls.key_file === undefined), {
    error: 'needs cert_file and key_file, or neither',
  })
  .describe(
    'Encrypts the connections to the brokers. {} is enough if a public authority signed their certificates.',
  );

const saslSchema = z
  .strictObject({
    mechanism: z
      .enum(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'])
      .default('SCRAM-SHA-512')
      .describe('How the password is sent. PLAIN does not protect it: use it only with tls.'),
    username: z.string().min(1).describe('User name.'),
    password: z.string().min(1).describe('Password. Keep it in the environment: ${NAME}.'),
  })
  .describe('User name and password for the brokers.');

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
    .describe('Some brokers of the cluster, as host:port. The others are found through them.'),
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
    .describe('Longest time that a broker may take to answer.'),
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
