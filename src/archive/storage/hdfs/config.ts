import { z } from 'zod';

export const hdfsArchiveConfig = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/ })
      .describe('Web address of the NameNode (WebHDFS), such as http://namenode:9870.'),
    path: z
      .string()
      .regex(/^(\/[^/]+)+$/, 'must be an absolute path on HDFS, such as /ecommerce')
      .describe('Folder of the tables on HDFS, such as /ecommerce. A missing folder is created.'),
    user: z
      .string()
      .min(1)
      .optional()
      .describe('Owner of the files. Default: the user that the server assigns to anonymous requests.'),
  })
  .describe('Delta Lake tables on HDFS, over WebHDFS with simple authentication.');

export type HdfsArchiveConfig = z.infer<typeof hdfsArchiveConfig>;
