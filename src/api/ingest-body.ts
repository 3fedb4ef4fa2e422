import type { SourceActivity } from '../ingest/activity.ts';
import type { Decoded } from '../ingest/format.ts';
import { type Ingestor, ingestResultOf } from '../ingest/ingestor.ts';
import type { IngestResult } from '../sources/source.ts';
import type { IngestBodyOptions } from './backend.ts';
import { LinesRejectedError } from './ingest-answer.ts';

/** Stores the records of a body, unless nothing of it is an event. Throws ApiError or AppendError. */
export async function ingestBody(
  ingestor: Ingestor,
  linesMax: number,
  source: string,
  records: readonly Decoded[],
  { strict, takesMarked, keepsRejected = false, mapper, beside, way }: IngestBodyOptions,
  activity: SourceActivity,
): Promise<IngestResult> {
  const { result, leftOut } = await ingestor.prepare(source, records, {
    mapper,
    beside,
    linesMax,
    takesMarked,
  });
  const isWithout = result.accepted === 0 && !takesMarked && !keepsRejected;
  const isRejected = result.rejected > 0 && (isWithout || (strict && !takesMarked));
  if (isRejected) {
    activity.refused(source, result, way);
    throw new LinesRejectedError(ingestResultOf(result, leftOut), strict);
  }
  return ingestor.store(source, result, { leftOut, way });
}
