import type { Offset } from '../offset.ts';
import type { BatchHeader } from './format.ts';
import type { Scanner } from './scan.ts';
import type { Segment } from './segment.ts';

/** Where a batch starts. `before` is the header of the one in front of it, when the search came past that. */
export interface BatchPosition {
  position: number;
  expected: Offset;
  header: BatchHeader | null;
  before: BatchHeader | null;
}

/**
 * Goes from header to header to the first batch that ends after `offset`, without reading what is between them. Starts
 * from what the index knows, or from the start of the segment.
 */
export async function locate(
  scanner: Scanner,
  segment: Segment,
  offset: Offset,
  fromStart = false,
): Promise<BatchPosition> {
  const known = fromStart ? null : segment.index.find(offset);
  let position = known?.position ?? (await scanner.segmentHeader())?.headerBytes ?? 0;
  let expected = known?.offset ?? segment.first;
  let before: BatchHeader | null = null;
  for (;;) {
    const found = await scanner.headerAt(position, expected);
    if (found !== null) {
      const { header, headerBytes } = found;
      const end = header.first + header.lines;
      if (end > offset) return { position, expected, header, before };
      const next = position + headerBytes + header.bytes;
      // Only from one header to another, or to the end: else the bytes between are not what they should be.
      if (next === scanner.limit || (await scanner.headerAt(next, end)) !== null) {
        segment.index.add(header.first, position);
        before = header;
        position = next;
        expected = end;
        continue;
      }
    }
    const step = await scanner.step(position, expected);
    if (step === null) return { position, expected, header: null, before };
    if (step.kind === 'damage') {
      // A reader that comes here must meet the damage itself, to count it.
      if (step.nextFirst === null || step.nextFirst > offset) {
        const after = step.nextFirst === null ? null : await scanner.headerAt(step.next, step.nextFirst);
        return { position, expected, header: after?.header ?? null, before };
      }
      position = step.next;
      expected = step.nextFirst;
    } else {
      before = step.header;
      position = step.next;
      expected = step.header.first + step.header.lines;
    }
  }
}
