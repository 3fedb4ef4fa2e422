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
        'Region of the bucket. Default: us-east-1 with an endpoint, else that of the AWS environment.',
      ),
    bucket: z.string().min(1).describe('Bucket of the tables; it must exist.'),
    prefix: z
      .string()
      .regex(/^[^/]+(\/[^/]+)*$/, 'must not begin or end with /')
      .optional()
      .describe('Where in the bucket the tables are, such as shop/archive. Default: at its top.'),
    access_key_id: z
      .string()
      .min(1)
      .optional()
      .describe('Access key. Default: the credentials of the AWS environment or of the machine’s role.'),
    secret_access_key: z
      .string()
      .min(1)
      .optional()
      .describe('Its secret; keep it in the environment: ${NAME}.'),
    path_style: z
      .boolean()
      .optional()
      .describe(
        'Bucket in the path instead of in the host name. Default: true with an endpoint, else false.',
      ),
  })
  .refine((config) => (config.access_key_id === undefined) === (config.secret_access_key === undefined), {
    error: 'needs access_key_id and secret_access_key, or neither',
  })
  .describe('Delta Lake tables in a bucket of S3, or of a server that speaks its protocol.');

export type S3ArchiveConfig = z.infer<typeof s3ArchiveConfig>;
