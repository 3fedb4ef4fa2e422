import { z } from 'zod';

export const localArchiveConfig = z
  .strictObject({
    path: z.string().min(1).optional().describe('Folder of the tables. Default: archive in the data folder.'),
    group_readable: z
      .boolean()
      .default(false)
      .describe(
        'Gives the group of the user that runs Tillstream read access to the archive. Otherwise only that user can read it.',
      ),
  })
  .describe('Delta Lake tables in a local folder.');

export type LocalArchiveConfig = z.infer<typeof localArchiveConfig>;
