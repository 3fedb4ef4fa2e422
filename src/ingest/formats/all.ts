import type { Format } from '../format.ts';
import { accessLog } from './access-log.ts';
import { albLog } from './alb-log.ts';
import { csv } from './csv.ts';
import { jsonArray } from './json-array.ts';
import { jsonInside } from './json-inside.ts';
import { jsonObjects } from './json-objects.ts';
import { jsonWrapper } from './json-wrapper.ts';
import { ndjson } from './ndjson.ts';
import { sequenceFile } from './sequence-file.ts';
import { w3cLog } from './w3c-log.ts';

/** All formats of text, in the order in which they are tried: the more exact one first. */
export const FORMATS: readonly Format[] = [
  sequenceFile,
  jsonInside,
  ndjson,
  jsonArray,
  jsonWrapper,
  jsonObjects,
  w3cLog,
  albLog,
  accessLog,
  csv,
];
