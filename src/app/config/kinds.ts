import { z } from 'zod';
import type { Chosen } from '../registry/adapters.ts';

/**
 * One of several kinds, with the settings of that kind beside it. `fallback` is the kind where none is named; `more` are settings that
 * each kind has.
 */
export function oneOfKinds<T extends Chosen>(
  kinds: Readonly<Record<string, { readonly schema: z.ZodObject }>>,
  fallback: string | null = null,
  more: z.ZodRawShape = {},
): z.ZodType<T> {
  const names = Object.keys(kinds).sort((a, b) => Number(b === fallback) - Number(a === fallback));
  const options = names.map((name) => {
    const { schema } = kinds[name]!;
    const kind = z.literal(name);
    const whole = schema.safeExtend({ ...more, kind: name === fallback ? kind.default(name) : kind });
    return schema.description === undefined ? whole : whole.describe(schema.description);
  });
  return z.discriminatedUnion('kind', options as never) as unknown as z.ZodType<T>;
}
