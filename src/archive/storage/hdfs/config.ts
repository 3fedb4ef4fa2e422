import { z } from 'zod';

export const hdfsArchiveConfig = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/ })
      .describe('Web address of the NameNode (WebHDFS), such as http://namenode:9870.'),
    path: z
      .string()
      .regex(/^(\/[^/]+)+$/, 'must be an absolute path on HDFS, such as /ecommerce')
      .describe('Folder of the tables on HDFS, such as /ecommerce; it is made where it is missing.'),
    user: z
      .string()
      .min(1)
      .optional()
      .describe(
        'User that the files belong to. Default: the one that the server takes for nameless requests.',
      ),
  })
  .describe('Delta Lake tables on HDFS, by WebHDFS with simple authentication.');

export type HdfsArchiveConfig = z.infer<typeof hdfsArchiveConfig>;
