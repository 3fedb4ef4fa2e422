import type { Detection, DetectOptions, FileFormat, Format, Sample, Unreadable } from './format.ts';
import { FORMATS } from './formats/all.ts';
import { ndjson } from './formats/ndjson.ts';
import { knownFile } from './known-files.ts';

export interface Detected {
  readonly format: Format;
  readonly detection: Detection;
}

const EMPTY: Detection = { details: [] };
/** What formats are called in reports, where their names as options say little. */
const NAMES: Readonly<Record<string, string>> = {
  csv: 'CSV',
  ndjson: 'NDJSON',
  'json-inside': 'JSON inside other lines',
  'json-wrapper': 'JSON object',
};

/**
 * Finds out what the beginning of an input is. A refusal is a sentence that goes on after the input's name.
 * Nothing is guessed from names: only the content, and what the options declare.
 */
export function detectFormat(
  sample: Sample,
  options: DetectOptions = {},
): Detected | FileFormat | Unreadable {
  const known = knownFile(sample.bytes);
  // Lines of events that begin with an error page are lines of events.
  if (known && (options.format !== undefined || ndjson.detect(sample, options) === null)) return known;
  if (isEmpty(sample)) return { format: ndjson, detection: EMPTY };
  const formats = options.formats ?? FORMATS;
  const declared = formats.find(({ name }) => name === options.format);
  if (options.format !== undefined && !declared)
    return { refusal: `can't be read as "${options.format}"; formats: ${namesOf(formats)}` };
  for (const format of declared ? [declared] : formats) {
    const detection = format.detect(sample, options);
    if (detection === null) continue;
    return 'refusal' in detection ? detection : { format, detection };
  }
  return {
    refusal: declared
      ? `does not look like ${declared.name}`
      : `has an unknown format; formats: ${namesOf(formats)}`,
  };
}

/** What was detected, for the report: "CSV, semicolon, 7 columns, header in line 1, windows-1252". */
export function describeDetection({ format, detection }: Detected, encoding = 'utf-8'): string {
  if (detection === EMPTY) return 'empty';
  const name = NAMES[format.name] ?? format.name;
  return [name, ...detection.details, ...(encoding === 'utf-8' ? [] : [encoding])].join(', ');
}

function namesOf(formats: readonly Format[]): string {
  return formats.map(({ name }) => name).join(', ');
}

function isEmpty({ bytes, isWhole }: Sample): boolean {
  return isWhole && /^[\s﻿]*$/.test(bytes.toString('utf8'));
}
