import { crc32 } from 'node:zlib';

export interface Fingerprint {
  bytes: number;
  crc: number;
}

/** Tell a file from another one, or from itself rewritten. */
export interface Fingerprints {
  /** Of the first bytes. */
  fingerprint: Fingerprint;
  /** Of the bytes before the position: files written from scratch often begin alike. */
  trail: Fingerprint;
}

/** How many bytes a fingerprint covers, once the file has them. */
export const FINGERPRINT_BYTES = 256;
/** The same before the position. */
export const TRAIL_BYTES = 4096;
/** With fewer bytes, two different files may well begin alike. */
export const FINGERPRINT_BYTES_SAFE = 64;

export const NO_FINGERPRINT: Fingerprint = { bytes: 0, crc: 0 };

export function fingerprintOf(bytes: Buffer): Fingerprint {
  return { bytes: bytes.length, crc: crc32(bytes) };
}

/** Whether content that begins with `head`, and has `trail` before the position, is the one that was read. */
export function fits({ fingerprint, trail }: Fingerprints, head: Buffer, trailBytes: Buffer): boolean {
  const start = head.subarray(0, fingerprint.bytes);
  const before = trailBytes.subarray(Math.max(0, trailBytes.length - trail.bytes));
  return isOf(fingerprint, start) && isOf(trail, before);
}

function isOf({ bytes, crc }: Fingerprint, found: Buffer): boolean {
  return found.length === bytes && crc32(found) === crc;
}

/** The last bytes of both, in memory of their own. */
export function lastBytes(before: Buffer, bytes: Buffer, bytesMax: number): Buffer {
  const own = bytes.subarray(Math.max(0, bytes.length - bytesMax));
  const kept = before.subarray(Math.max(0, before.length - (bytesMax - own.length)));
  return Buffer.concat([kept, own]);
}
