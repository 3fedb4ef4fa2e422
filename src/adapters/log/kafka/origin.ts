import type { RecordReader } from '../../kafka-client/record-batches.ts';

/** Where a record came from, by its headers. */
export interface Origin {
  source: string;
  /** Written by `append`: the door has judged the lines. */
  judged: boolean;
}

export const SOURCE_HEADER = 'source';
/** Our own records have it, so that readers need not judge their lines again. */
export const JUDGED_HEADER = 'tillstream-judged';
/** Source of records that name none, and of lines that were deleted before anybody read them. */
export const UNNAMED = 'kafka';

/** The same, for those who read the topic by another program. */
export const RECORD_MARKS = {
  sourceHeader: SOURCE_HEADER,
  judgedHeader: JUDGED_HEADER,
  unnamedSource: UNNAMED,
};

const SOURCE = /^[a-z0-9_-]{1,32}$/;

/** Finds the origin of records; most have the same headers as the one before. */
export class Origins {
  private last: Buffer = Buffer.alloc(0);
  private origin: Origin = { source: UNNAMED, judged: false };
  private readonly known = new Map<string, Origin>();

  of(record: RecordReader): Origin {
    const { bytes, headersStart, headersEnd } = record;
    if (this.last.length === headersEnd - headersStart && this.isLast(bytes, headersStart))
      return this.origin;
    this.last = Buffer.from(bytes.subarray(headersStart, headersEnd));
    this.origin = this.intern(read(record.headers()));
    return this.origin;
  }

  private isLast(bytes: Buffer, start: number): boolean {
    for (let i = 0; i < this.last.length; i++) if (bytes[start + i] !== this.last[i]) return false;
    return true;
  }

  /** The same object for the same origin, so that runs of records can be compared by it. */
  private intern(origin: Origin): Origin {
    const key = `${origin.source}/${origin.judged}`;
    const known = this.known.get(key) ?? origin;
    if (this.known.size < 1000) this.known.set(key, known);
    return known;
  }
}

function read(headers: [string, string][]): Origin {
  let source = UNNAMED;
  let judged = false;
  for (const [name, value] of headers) {
    if (name === SOURCE_HEADER && SOURCE.test(value)) source = value;
    if (name === JUDGED_HEADER && value === '1') judged = true;
  }
  return { source, judged };
}
