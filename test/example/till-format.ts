import type { Format } from '../../src/ingest/format.ts';
import { lineText, recordOf } from '../../src/ingest/formats/cells.ts';
import { lineDecoder, sampleLines } from '../../src/ingest/formats/lines.ts';

const NAMES = ['at', 'what', 'article', 'pieces', 'price', 'currency'];
const isNote = (line: string) => /^# \S+ (sold|shown) /.test(line);

/** Notes of a till: "# 2025-11-23T10:00:00Z sold mug 2 12.50 EUR". */
export const tillNotes: Format = {
  name: 'till',
  description: 'Notes of a till, one a line.',
  detect(sample) {
    const lines = sampleLines(sample);
    return lines.length > 0 && lines.every((line) => isNote(line.toString())) ? { details: [] } : null;
  },
  decoder: () =>
    lineDecoder((line, place, pieces) => {
      const text = lineText(line, place, pieces);
      if (text === null) return;
      if (isNote(text)) pieces.record(recordOf(NAMES, text.slice(2).split(' '), line, place));
      else pieces.reject('bad_record', line, place);
    }),
};
