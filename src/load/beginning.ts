import type { Decoded } from '../ingest/format.ts';
import type { LoadInput } from './inputs.ts';

/** The beginning of an input: so many decompressed bytes of it, up to the end of a block. */
export interface Beginning {
  readonly input: LoadInput;
  /** Whether that was all, once it has been read. */
  isWhole(): boolean;
}

/** Cuts an input after `bytesMax`. What a block cuts is left out. */
export function beginningOf(input: LoadInput, bytesMax: number): Beginning {
  let isWhole = true;
  async function* records(onChunk: (chunk: Buffer) => void): AsyncGenerator<readonly Decoded[]> {
    let bytes = 0;
    isWhole = true;
    for await (const pieces of input.records((chunk) => {
      bytes += chunk.length;
      onChunk(chunk);
    })) {
      // One block more than was wanted shows that there is more.
      if (bytes > bytesMax) {
        isWhole = false;
        return;
      }
      yield pieces;
    }
  }
  return { input: { ...input, records }, isWhole: () => isWhole };
}

/** The first pieces of an input, with about so many records in them. */
export async function firstPieces(input: LoadInput, recordsMax: number): Promise<Decoded[]> {
  const pieces: Decoded[] = [];
  let records = 0;
  for await (const decoded of input.records(() => {})) {
    for (const piece of decoded) {
      pieces.push(piece);
      records += piece.kind === 'records' ? piece.records.length : 1;
    }
    // A block of JSON lines is one piece, and many records.
    if (records >= recordsMax || decoded.some(({ kind }) => kind === 'json')) break;
  }
  return pieces;
}
