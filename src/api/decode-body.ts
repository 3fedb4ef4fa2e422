import { openContent } from '../ingest/content.ts';
import { detectFormat } from '../ingest/detect.ts';
import { type Decoded, type DetectOptions, SAMPLE_BYTES_MAX, type Sample } from '../ingest/format.ts';
import { isDecidingName } from '../ingest/names.ts';
import { ApiError } from '../telemetry/errors.ts';

const OBJECT_OPEN = 0x7b;
const ARRAY_OPEN = 0x5b;

/**
 * The records of a body, in whatever format it is; that is told by its content. `bytesMax`: of what it holds decompressed. Throws
 * ApiError where it is in no format of events.
 */
export async function decodeBody(
  body: Buffer,
  bytesMax: number,
  detecting: DetectOptions & Pick<Required<DetectOptions>, 'formats'>,
): Promise<readonly Decoded[]> {
  if (body.length === 0) return [];
  const isPlain = body[0] === OBJECT_OPEN || body[0] === ARRAY_OPEN;
  const text = isPlain ? body : await contentOf(body, bytesMax);
  const sample: Sample = {
    bytes: text.subarray(0, SAMPLE_BYTES_MAX),
    isWhole: text.length <= SAMPLE_BYTES_MAX,
  };
  const found = detectFormat(sample, { isKnownName: isDecidingName, ...detecting });
  if ('refusal' in found) throw new ApiError('unsupported_format', `The body ${found.refusal}.`);
  if ('fileFormat' in found)
    throw new ApiError(
      'unsupported_format',
      'The body looks like a Parquet file; use "tillstream load" for it.',
    );
  const decoder = found.format.decoder(found.detection);
  return decoder.push(text).concat(decoder.end());
}

/** What the body holds, decompressed and in UTF-8. */
async function contentOf(body: Buffer, bytesMax: number): Promise<Buffer> {
  const content = await openContent(once(body));
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of content.chunks) {
    bytes += chunk.length;
    if (bytes > bytesMax) {
      await content.close();
      throw new ApiError('too_large', `The body holds more than ${bytesMax} bytes, which is the limit.`);
    }
    chunks.push(chunk);
  }
  if (content.ending.cut)
    throw new ApiError('bad_encoding', `The body can't be read: ${content.ending.whyText}.`);
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}

async function* once(body: Buffer): AsyncGenerator<Buffer> {
  yield body;
}
