import type { SourceKind } from '../source.ts';
import { pollOptionsSchema } from './config.ts';

export const pollSource: SourceKind<typeof pollOptionsSchema> = {
  schema: pollOptionsSchema,
  reads({ url }) {
    const { origin, pathname } = new URL(url);
    return `${origin}${pathname}`;
  },
  create: async (options, context) => (await import('./poll-source.ts')).createPollSource(options, context),
};
