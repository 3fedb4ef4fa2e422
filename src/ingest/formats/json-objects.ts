import { OBJECT_OPEN } from '../../event/json-bytes.ts';
import type { Format } from '../format.ts';
import { splittingDecoder } from './json-array.ts';
import { isCompleteObject, isSpace } from './json-scan.ts';

const RECORD_SEPARATOR = 0x1e;

/** JSON objects without an array around them, laid out in any way. */
export const jsonObjects: Format = {
  name: 'json',
  description:
    'Consecutive JSON objects, which may span several lines, with commas or nothing between them, or separated as in RFC 7464; or a single object.',
  detect(sample) {
    const { bytes, isWhole } = sample;
    let at = 0;
    while (isSpace(bytes[at]) || bytes[at] === 0) at++;
    if (bytes[at] === RECORD_SEPARATOR) return { details: ['RFC 7464'] };
    if (bytes[at] !== OBJECT_OPEN) return null;
    return { details: isWhole && isCompleteObject(bytes.subarray(at)) ? ['one object'] : [] };
  },
  decoder: splittingDecoder,
};
