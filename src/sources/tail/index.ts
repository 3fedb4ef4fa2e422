import type { SourceKind } from '../source.ts';
import { tailOptionsSchema } from './config.ts';

export const tailSource: SourceKind<typeof tailOptionsSchema> = {
  schema: tailOptionsSchema,
  reads: ({ path }) => path,
  create: async (options, context) => (await import('./tail-source.ts')).createTailSource(options, context),
};
