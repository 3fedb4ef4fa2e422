import { z } from 'zod';
import { writeFileDurable } from '../../system/write-durable.ts';
import { readStateFile } from '../state.ts';
import { REMEMBERED_MAX } from './seen-entries.ts';

const counts = z.array(z.tuple([z.string(), z.int().min(1)])).max(REMEMBERED_MAX);

const pollStateSchema = z.object({
  /** For people. */
  url: z.string(),
  /** Of a log API: what to ask with next. */
  cursor: z.string().optional(),
  list: z
    .object({
      /** The next page of this round; null: the first. */
      position: z.union([z.object({ cursor: z.string() }), z.object({ href: z.string() })]).nullable(),
      /** The latest time of an entry, and that of this round. */
      since: z.string().nullable(),
      sinceOfRound: z.string().nullable(),
      /** Where the list is in the answer. */
      path: z.string().nullable(),
      seen: counts,
      round: counts,
    })
    .optional(),
});
export type PollState = z.infer<typeof pollStateSchema>;
export type ListState = NonNullable<PollState['list']>;

/** Null: nothing has been polled yet. */
export async function readPollState(path: string): Promise<PollState | null> {
  const stored = await readStateFile(path);
  if (stored === null) return null;
  const result = pollStateSchema.safeParse(stored);
  if (result.success) return result.data;
  throw new Error(`${path} is damaged. Remove it to read from the beginning again.`);
}

export async function writePollState(path: string, state: PollState): Promise<void> {
  await writeFileDurable(path, JSON.stringify(state));
}
