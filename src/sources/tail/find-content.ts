import { FINGERPRINT_BYTES, FINGERPRINT_BYTES_SAFE, fits, NO_FINGERPRINT } from './fingerprint.ts';
import { PackedContent, summarizePacked } from './packed-content.ts';
import { openIfThere, readAt, statOf } from './read-file.ts';
import type { FileRecord } from './tail-state-file.ts';

/**
 * The record of which the file at `path` has all that was read: it is that file under another inode, a copy of it, or packed.
 * Null: none of them. `isLikely`: its name and time say so, too.
 */
export async function recordOfContent(
  path: string,
  records: readonly FileRecord[],
  signal: AbortSignal,
  isLikely = false,
): Promise<FileRecord | null> {
  if (records.length === 0) return null;
  const handle = await openIfThere(path);
  if (handle === null) return null;
  try {
    const { size: fileSize } = await statOf(handle);
    const packed = new PackedContent(handle);
    const isPacked = await packed.isPacked();
    const head = isPacked
      ? await packed.readAt(0, FINGERPRINT_BYTES)
      : await readAt(handle, 0, FINGERPRINT_BYTES);
    await packed.close();
    const likely = records.filter(
      ({ fingerprint, position }) =>
        fingerprint.bytes > 0 &&
        (isPacked || position <= fileSize) &&
        fits({ fingerprint, trail: NO_FINGERPRINT }, head, head),
    );
    if (likely.length === 0) return null;
    const positions = likely.map(({ position }) => position);
    const summary = isPacked ? await summarizePacked(handle, positions, signal) : null;
    for (const [i, record] of likely.entries()) {
      const { trail, position, fingerprint } = record;
      const size = summary?.size ?? fileSize;
      // Two files may well begin alike: few bytes are enough only where they are all.
      const isEnough = isLikely || fingerprint.bytes >= FINGERPRINT_BYTES_SAFE || size === position;
      if (size < position || !isEnough) continue;
      const before = summary?.trails[i] ?? (await readAt(handle, position - trail.bytes, trail.bytes));
      if (fits(record, head, before)) return record;
    }
    return null;
  } finally {
    await handle.close();
  }
}
