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

/** How long a request took, as nginx writes `$request_time`: seconds with three decimals, by themselves or behind a name. */
const SECONDS = /^(?:(?:rt|request_time|req_time|rtime)[=:]"?)?(\d{1,6}\.\d{3})"?$/;
const WHOLE_NUMBER = /^\d{2,}$/;

interface AccessDetection extends Detection {
  /** Cells before the address, such as the name of a virtual host. */
  readonly lead: number;
  readonly cellCount: number;
  /** The cell with how long the request took; -1 where none has it for certain. */
  readonly timeCell: number;
}

/** Logs of nginx, Apache and others in the common or combined form. */
export const accessLog: Format<AccessDetection> = {
  name: 'access-log',
  description:
    'Access logs of nginx, Apache and others in the common or combined form. Values after the user agent are named by their number (`field_10`); seconds with three decimals are also named `request_time`.',
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
    if (lines.length === 0 || count * 2 < lines.length) return null;
    const shape = shapes.get(key)!;
    return withTimes(
      shape,
      lines.filter((cells) => cells?.length === shape.cellCount).map((cells) => cells!),
    );
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
  const details = lead === 1 ? [form, 'virtual host first'] : [form];
  return { details, lead, cellCount: cells.length, timeCell: -1 };
}

/** Finds out which of the cells behind the user agent says how long a request took, and which may. */
function withTimes(shape: AccessDetection, lines: readonly (readonly string[])[]): AccessDetection {
  const isAll = (at: number, pattern: RegExp) => {
    const cells = lines.map((cells) => cells[at]!).filter((cell) => cell !== '-');
    return cells.length > 0 && cells.every((cell) => pattern.test(cell));
  };
  const others = Array.from({ length: shape.cellCount }, (_, at) => at).slice(NAMES.length + shape.lead);
  const timeCell = others.find((at) => isAll(at, SECONDS)) ?? -1;
  const numbers =
    timeCell >= 0 ? [] : others.filter((at) => isAll(at, WHOLE_NUMBER)).map((at) => `field_${at + 1}`);
  const details = [
    ...shape.details,
    ...(timeCell >= 0 ? [`request_time in field ${timeCell + 1}`] : []),
    ...(numbers.length > 0 ? [`not read, and maybe durations: ${numbers.join(', ')}`] : []),
  ];
  return { ...shape, details, timeCell };
}

function decoderOf({ lead, cellCount, timeCell }: AccessDetection): RecordDecoder {
  const names = lead === 1 ? ['server_name', ...NAMES] : NAMES;
  return lineDecoder((line, place, pieces) => {
    const text = lineText(line, place, pieces);
    if (text === null) return;
    const cells = splitAtBlanks(text);
    if (cells === null) pieces.reject('bad_quote', line, place);
    else if (cells.length !== cellCount) pieces.reject('wrong_cell_count', line, place);
    else if (TIME.test(cells[lead + 3]!) && STATUS.test(cells[lead + 5]!)) {
      const record = recordOf(names, cells, line, place);
      const seconds = timeCell < 0 ? null : SECONDS.exec(cells[timeCell]!);
      // Mappings may read it by its number, too.
      pieces.record(seconds ? { ...record, fields: { ...record.fields, request_time: seconds[1] } } : record);
    } else pieces.reject('bad_record', line, place);
  });
}
