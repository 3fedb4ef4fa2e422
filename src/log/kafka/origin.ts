import type { RecordReader } from '../../kafka-client/record-batches.ts';
import { SOURCE_NAME } from '../offset.ts';

/** Where a record came from, by its headers. */
export interface Origin {
  source: string;
  /** Written by `append`: ingest has validated the lines. */
  canonical: boolean;
}

export const SOURCE_HEADER = 'source';
/** Our own records have it, so that readers need not validate their lines again. */
export const CANONICAL_HEADER = 'tillstream-canonical';
/** Source of records that name none, and of lines that were deleted before anybody read them. */
export const UNNAMED = 'kafka';

/** Finds the origin of records; most have the same headers as the one before. */
export class Origins {
  private last: Buffer = Buffer.alloc(0);
  private origin: Origin = { source: UNNAMED, canonical: false };
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
    const key = `${origin.source}/${origin.canonical}`;
    const known = this.known.get(key) ?? origin;
    if (this.known.size < 1000) this.known.set(key, known);
    return known;
  }
}

function read(headers: [string, string][]): Origin {
  let source = UNNAMED;
  let canonical = false;
  for (const [name, value] of headers) {
    if (name === SOURCE_HEADER && SOURCE_NAME.test(value)) source = value;
    if (name === CANONICAL_HEADER && value === '1') canonical = true;
  }
  return { source, canonical };
}
