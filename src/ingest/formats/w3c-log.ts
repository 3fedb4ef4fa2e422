import type { Detection, Format } from '../format.ts';
import { lineText, recordOf } from './cells.ts';
import { lineDecoder, sampleLines } from './lines.ts';

const FIELDS = '#Fields:';

/** Logs that name their fields in a directive: CloudFront, IIS. https://www.w3.org/TR/WD-logfile.html */
export const w3cLog: Format = {
  name: 'w3c',
  description: 'Logs that name their columns in a line `#Fields:` (CloudFront, IIS).',
  detect(sample): Detection | null {
    const [first] = sampleLines(sample, 1);
    if (first?.[0] !== 0x23) return null;
    const lines = sampleLines(sample).map((line) => line.toString());
    const names = lines.map(namesIn).find((found) => found !== null);
    return names ? { details: [`${names.length} columns`] } : null;
  },
  decoder: () => {
    let names: readonly string[] | null = null;
    return lineDecoder((line, place, pieces) => {
      const text = lineText(line, place, pieces);
      if (text === null) return;
      if (text.startsWith('#')) {
        names = namesIn(text) ?? names;
        return;
      }
      const cells = text.includes('\t') ? text.split('\t') : text.split(' ').filter((cell) => cell !== '');
      if (names === null) pieces.reject('bad_record', line, place);
      else if (cells.length !== names.length) pieces.reject('wrong_cell_count', line, place);
      else pieces.record(recordOf(names, cells, line, place));
    });
  },
};

function namesIn(line: string): string[] | null {
  return line.startsWith(FIELDS) ? line.slice(FIELDS.length).trim().split(/\s+/) : null;
}
