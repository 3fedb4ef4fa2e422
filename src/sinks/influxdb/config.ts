import { z } from 'zod';

const TAG_VALUES_MAX = 200;

export const influxConfigSchema = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/ })
      .refine((url) => !hasLogin(url), 'must not hold a user or password; they have settings of their own')
      .default('http://localhost:8086')
      .describe('Address of the server.'),
    token: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Token with write access to the bucket. Keep it in the environment: ${NAME}. InfluxDB 1.8: USER:PASSWORD.',
      ),
    token_file: z
      .string()
      .min(1)
      .optional()
      .describe('File with the token, instead of token. It is read again for each request.'),
    org: z.string().min(1).optional().describe('Organisation. InfluxDB 1.8 accepts any.'),
    bucket: z.string().min(1).optional().describe('Bucket. It must exist. InfluxDB 1.8: DATABASE/POLICY.'),
    database: z
      .string()
      .min(1)
      .optional()
      .describe('v1 API: database, instead of token, org and bucket. It must exist.'),
    retention_policy: z
      .string()
      .min(1)
      .optional()
      .describe('v1 API: retention policy. Default: that of the database.'),
    user: z.string().min(1).optional().describe('v1 API: user name, if the server requires one.'),
    password: z.string().min(1).optional().describe('v1 API: password. Keep it in the environment: ${NAME}.'),
    raw_events: z
      .boolean()
      .default(true)
      .describe('Also write every event as a point of the measurement ecommerce_event.'),
    batch_lines_max: z.int().min(1).max(100_000).default(5000).describe('Most points in one request.'),
    batch_bytes_max: z
      .int()
      .min(64 * 1024)
      .max(64 * 1024 * 1024)
      .default(4 * 1024 * 1024)
      .describe('Most bytes in one request, before compression.'),
    timeout_seconds: z.number().min(1).max(300).default(10).describe('Longest time for one request.'),
    tag_values_max: z
      .int()
      .min(1)
      .max(100_000)
      .default(TAG_VALUES_MAX)
      .describe('Most different values of a tag, such as event_type. Further ones are written as "other".'),
    gzip: z
      .boolean()
      .optional()
      .describe('Compress requests. Default: only if the server is on another machine.'),
  })
  .refine((config) => isV2(config) !== isV1(config), {
    error: 'needs token (or token_file), org and bucket, or else database (with user and password)',
  })
  .describe('Also writes metrics and events to InfluxDB.');
export type InfluxConfig = z.infer<typeof influxConfigSchema>;

interface Login {
  token?: string | undefined;
  token_file?: string | undefined;
  org?: string | undefined;
  bucket?: string | undefined;
  database?: string | undefined;
  retention_policy?: string | undefined;
  user?: string | undefined;
  password?: string | undefined;
}

function isV2({ token, token_file, org, bucket, ...v1 }: Login): boolean {
  const hasToken = (token === undefined) !== (token_file === undefined);
  const { database, retention_policy, user, password } = v1;
  const hasV1 = [database, retention_policy, user, password].some((value) => value !== undefined);
  return hasToken && org !== undefined && bucket !== undefined && !hasV1;
}

function isV1({ database, user, password, ...v2 }: Login): boolean {
  const { token, token_file, org, bucket } = v2;
  const hasV2 = [token, token_file, org, bucket].some((value) => value !== undefined);
  return database !== undefined && (user === undefined) === (password === undefined) && !hasV2;
}

function hasLogin(url: string): boolean {
  // What is no address is told by the check before.
  if (!URL.canParse(url)) return false;
  const { username, password } = new URL(url);
  return username !== '' || password !== '';
}
