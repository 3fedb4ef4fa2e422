import type { JsonTexts } from '../ingest/format.ts';

/** A transparent image of one pixel: the answer to an event that came as the parameters of an address. */
export const PIXEL = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');

/** Members as one record. */
export const jsonRecordOf = (members: Readonly<Record<string, unknown>>): JsonTexts => ({
  kind: 'json',
  bytes: Buffer.from(`${JSON.stringify(members)}\n`),
  places: { first: 1 },
});
