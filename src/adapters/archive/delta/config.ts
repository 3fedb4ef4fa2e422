import { z } from 'zod';

export const localArchiveConfig = z
  .strictObject({
    kind: z.literal('local').default('local'),
    path: z.string().min(1).optional().describe('Folder of the tables. Default: archive in the data folder.'),
  })
  .describe('Delta Lake tables in a local folder.');
