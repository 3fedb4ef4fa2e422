import { z } from 'zod';
import { isEncoding } from '../ingest/content/encoding.ts';
import type { DetectOptions } from '../ingest/format.ts';
import { FORMATS } from '../ingest/formats/all.ts';
import { isDecidingName } from '../ingest/names.ts';

const COLUMNS_MAX = 10_000;

/** Options of sources that read bytes: how these are laid out. All else is detected from the content. */
export const readOptions = {
  format: z
    .enum(FORMATS.map(({ name }) => name))
    .optional()
    .describe('Format of the content. Default: detected.'),
  encoding: z
    .string()
    .refine(isEncoding, 'is not a known encoding, such as latin1 or windows-1252')
    .optional()
    .describe('Encoding of the content. A byte order mark takes precedence. Default: UTF-8.'),
  delimiter: z
    .string()
    .regex(/^[^"\r\n]$/, 'must be one character other than a quote')
    .optional()
    .describe('CSV: the character between cells. Default: detected.'),
  header: z
    .boolean()
    .optional()
    .describe('CSV: whether the first line contains the column names. Default: detected.'),
  columns: z
    .array(z.string())
    .max(COLUMNS_MAX)
    .optional()
    .describe('CSV: the column names, if there is no header.'),
};

const readOptionsSchema = z.object(readOptions);
export type ReadOptions = z.infer<typeof readOptionsSchema>;

/** The same for detection, with what the mapping of the source knows. */
export function detectOptionsOf(
  { format, delimiter, header, columns }: ReadOptions,
  detecting: DetectOptions = {},
): DetectOptions {
  return {
    isKnownName: isDecidingName,
    ...detecting,
    ...(format === undefined ? {} : { format }),
    ...(delimiter === undefined ? {} : { delimiter }),
    ...(header === undefined ? {} : { header }),
    ...(columns === undefined ? {} : { columns }),
  };
}
