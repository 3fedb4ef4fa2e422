import type { Detection, Format, RecordDecoder, Sample } from '../format.ts';
import { lineText, recordOf, splitAtBlanks } from './cells.ts';
import { lineDecoder, sampleLines } from './lines.ts';

/** Names as nginx has them; Apache's "common" ends after the size. */
const NAMES =
  'remote_addr remote_ident remote_user time_local request status body_bytes_sent http_referer http_user_agent'.split(
    ' ',
  );
const COMMON_CELLS = 7;
const TIME = /^\d{1,2}\/[A-Z][a-z]{2}\/\d{4}:\d{2}:\d{2}:\d{2}( [+-]\d{4})?$/;
const STATUS = /^\d{3}$/;

interface AccessDetection extends Detection {
  /** Cells before the address, such as the name of a virtual host. */
  readonly lead: number;
  readonly cellCount: number;
}

/** Logs of nginx, Apache and others in the common or combined form. */
export const accessLog: Format<AccessDetection> = {
  name: 'access-log',
  description:
    'Access logs of nginx, Apache and the like in the common or combined form; what follows the user agent is named by its number (`field_10`).',
  detect(sample: Sample): AccessDetection | null {
    const lines = sampleLines(sample).map((line) => splitAtBlanks(line.toString()));
    const shapes = new Map<string, AccessDetection>();
    const counts = new Map<string, number>();
    for (const cells of lines) {
      const shape = cells && shapeOf(cells);
      if (!shape) continue;
      const key = `${shape.lead} ${shape.cellCount}`;
      shapes.set(key, shape);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    const [key, count] = [...counts].reduce((a, b) => (b[1] > a[1] ? b : a), ['', 0]);
    return lines.length > 0 && count * 2 >= lines.length ? shapes.get(key)! : null;
  },
  decoder: decoderOf,
};

function shapeOf(cells: readonly string[]): AccessDetection | null {
  const time = cells.findIndex((cell) => TIME.test(cell));
  const lead = time - 3;
  if (lead < 0 || lead > 1 || !STATUS.test(cells[time + 2] ?? '')) return null;
  const count = cells.length - lead;
  if (count < COMMON_CELLS) return null;
  const form = count === COMMON_CELLS ? 'common' : count === NAMES.length ? 'combined' : `${count} fields`;
  return { details: lead === 1 ? [form, 'virtual host first'] : [form], lead, cellCount: cells.length };
}

function decoderOf({ lead, cellCount }: AccessDetection): RecordDecoder {
  const names = lead === 1 ? ['server_name', ...NAMES] : NAMES;
  return lineDecoder((line, place, pieces) => {
    const text = lineText(line, place, pieces);
    if (text === null) return;
    const cells = splitAtBlanks(text);
    if (cells === null) pieces.reject('bad_quote', line, place);
    else if (cells.length !== cellCount) pieces.reject('wrong_cell_count', line, place);
    else if (TIME.test(cells[lead + 3]!) && STATUS.test(cells[lead + 5]!))
      pieces.record(recordOf(names, cells, line, place));
    else pieces.reject('bad_record', line, place);
  });
}
