import { ARRAY_CLOSE, ARRAY_OPEN, OBJECT_OPEN, QUOTE } from '../../event/json-bytes.ts';
import type { Decoded, Format, RecordDecoder } from '../format.ts';
import { isSpace } from './json-scan.ts';
import { JsonSplitter } from './json-splitter.ts';
import { Pieces } from './pieces.ts';

/** One array, its elements are the records. */
export const jsonArray: Format = {
  name: 'json-array',
  isWhole: true,
  description: 'A JSON array of objects; a trailing comma is accepted.',
  detect(sample) {
    const { bytes } = sample;
    let at = 0;
    while (isSpace(bytes[at]) || bytes[at] === 0) at++;
    if (bytes[at++] !== ARRAY_OPEN) return null;
    while (isSpace(bytes[at])) at++;
    const next = bytes[at];
    // Access logs may begin with a bracket, too.
    const isJson = next === OBJECT_OPEN || next === QUOTE || next === ARRAY_OPEN || next === ARRAY_CLOSE;
    return isJson || at === bytes.length ? { details: [] } : null;
  },
  decoder: () => splittingDecoder(),
};

/** Decoder of all that `JsonSplitter` cuts. */
export function splittingDecoder(): RecordDecoder {
  const pieces = new Pieces();
  const splitter = new JsonSplitter(pieces);
  return {
    push(chunk: Buffer): Decoded[] {
      splitter.push(chunk);
      return pieces.take();
    },
    end(): Decoded[] {
      splitter.end();
      return pieces.take();
    },
  };
}
