import { z } from 'zod';

export const s3ArchiveConfig = z
  .strictObject({
    endpoint: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe('Address of the server. Default: that of AWS in the region.'),
    region: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Region of the bucket. Default: us-east-1 with an endpoint, otherwise that of the AWS environment.',
      ),
    bucket: z.string().min(1).describe('Bucket of the tables. It must exist.'),
    prefix: z
      .string()
      .regex(/^[^/]+(\/[^/]+)*$/, 'must not begin or end with /')
      .optional()
      .describe('Prefix of the tables in the bucket, such as shop/archive. Default: none.'),
    access_key_id: z
      .string()
      .min(1)
      .optional()
      .describe("Access key. Default: the credentials of the AWS environment or of the machine's role."),
    secret_access_key: z
      .string()
      .min(1)
      .optional()
      .describe('Secret of the access key. Keep it in the environment: ${NAME}.'),
    path_style: z
      .boolean()
      .optional()
      .describe(
        'Whether the bucket is in the path instead of the host name. Default: true with an endpoint, otherwise false.',
      ),
  })
  .refine((config) => (config.access_key_id === undefined) === (config.secret_access_key === undefined), {
    error: 'needs access_key_id and secret_access_key, or neither',
  })
  .describe('Delta Lake tables in a bucket of S3 or a compatible server.');

export type S3ArchiveConfig = z.infer<typeof s3ArchiveConfig>;
