/**
 * The text format of a segment file. Pure: bytes in, values out.
 *
 *   {"tillstream_segment":{"format_version":1,"log":"<id>","first":0,"last_received_at":0,"before":{},"header_crc":1}}
 *   {"tillstream_batch":{"first":0,"lines":2,"bytes":64,"crc":7,"received_at":1,"source":"http","before":{},"header_crc":9}}
 *   {"event_type":"page_view", ...}
 *   {"event_type":"purchase", ...}
 *   {"tillstream_batch":{"first":2, ...
 *
 * Plain NDJSON, so that grep and jq work on it. `before` counts the lines received before this point, by source: the
 * counters stay right even when the batches in front of it are lost. Every header ends in a checksum of its own text. The
 * one of a batch header starts from the log's id, so that a line sent by a client cannot pass for a header of ours when
 * a damaged file is searched for the next one.
 *
 * Checksums are CRC-32 (the one of zlib and gzip): it is built into Node and runs at memory speed, where CRC-32C would
 * need a native package. Both find every single flipped bit and every burst of up to 32.
 */
import { crc32 } from 'node:zlib';
import type { CountsBySource, Offset } from '../offset.ts';

/** 2: the lines of a batch may be canonical. */
export const FORMAT_VERSION = 2;

/** A longer header line is damage, and none is written. Earlier versions wrote as many sources as there were. */
export const HEADER_BYTES_MAX = 1024 * 1024;
/** Room for a header with as many sources as a log takes now. */
export const HEADER_BYTES_USUAL = 64 * 1024;

const SEGMENT_PREFIX = '{"tillstream_segment":{';
export const BATCH_PREFIX = '{"tillstream_batch":{';
const CRC_KEY = ',"header_crc":';
const NEWLINE = 0x0a;

export interface SegmentHeader {
  formatVersion: number;
  logId: string;
  first: Offset;
  lastReceivedAtMs: number | null;
  before: CountsBySource;
}

export interface BatchHeader {
  first: Offset;
  lines: number;
  /** Size of the lines that follow the header. */
  bytes: number;
  crc: number;
  receivedAtMs: number;
  source: string;
  /** Whether the lines are in the form that ingest gives them; in batches of format version 1 they are as they came. */
  canonical: boolean;
  /** Names of the fields that the events have, which spares who reads many lines the others; undefined where it is not said. */
  fields: readonly string[] | undefined;
  /** Lines received before this batch, by source. */
  before: CountsBySource;
}

/** File name of the segment that starts at `first`; names sort like offsets. */
export function segmentName(first: Offset): string {
  return `${String(first).padStart(20, '0')}.ndjson`;
}

/** First offset of the segment file with this name, or null when it is not the name of a segment. */
export function segmentFirst(name: string): Offset | null {
  if (!/^\d{20}\.ndjson$/.test(name)) return null;
  const first = Number(name.slice(0, 20));
  return Number.isSafeInteger(first) ? first : null;
}

/** Checksum of the bytes of all buffers, one after the other. */
export function checksum(buffers: readonly Buffer[]): number {
  let crc = 0;
  for (const buffer of buffers) crc = crc32(buffer, crc);
  return crc;
}

/** Where the checksums of the batch headers of this log start. */
export function headerSeed(logId: string): number {
  return crc32(logId);
}

export function encodeSegmentHeader(header: SegmentHeader): Buffer {
  const body = JSON.stringify({
    format_version: header.formatVersion,
    log: header.logId,
    first: header.first,
    last_received_at: header.lastReceivedAtMs,
    before: header.before,
  });
  return seal(`{"tillstream_segment":${body.slice(0, -1)}`, 0);
}

export function encodeBatchHeader(header: BatchHeader, seed: number): Buffer {
  const body = JSON.stringify({
    first: header.first,
    lines: header.lines,
    bytes: header.bytes,
    crc: header.crc,
    received_at: header.receivedAtMs,
    source: header.source,
    ...(header.canonical ? { canonical: true } : {}),
    fields: header.fields,
    before: header.before,
  });
  return seal(`{"tillstream_batch":${body.slice(0, -1)}`, seed);
}

/** The segment header at the start of `buffer` and its size, or null when there is none that is whole. */
export function decodeSegmentHeader(buffer: Buffer): { header: SegmentHeader; headerBytes: number } | null {
  const found = unseal(buffer, 0, SEGMENT_PREFIX, 0);
  if (found === null) return null;
  const raw = (found.value as { tillstream_segment: Record<string, unknown> }).tillstream_segment;
  const header: SegmentHeader = {
    formatVersion: raw.format_version as number,
    logId: raw.log as string,
    first: raw.first as number,
    lastReceivedAtMs: raw.last_received_at as number | null,
    before: raw.before as CountsBySource,
  };
  return { header, headerBytes: found.headerBytes };
}

/** The batch header at `at` and its size, or null when there is none that is whole. */
export function decodeBatchHeader(
  buffer: Buffer,
  at: number,
  seed: number,
): { header: BatchHeader; headerBytes: number } | null {
  const found = unseal(buffer, at, BATCH_PREFIX, seed);
  if (found === null) return null;
  const raw = (found.value as { tillstream_batch: Record<string, unknown> }).tillstream_batch;
  const header: BatchHeader = {
    first: raw.first as number,
    lines: raw.lines as number,
    bytes: raw.bytes as number,
    crc: raw.crc as number,
    receivedAtMs: raw.received_at as number,
    source: raw.source as string,
    canonical: raw.canonical === true,
    fields: raw.fields as readonly string[] | undefined,
    before: raw.before as CountsBySource,
  };
  return { header, headerBytes: found.headerBytes };
}

/** Cuts the first `lines` lines off: the rest of `bytes`, as a view of the same memory. */
export function skipLines(bytes: Buffer, lines: number): Buffer {
  let at = 0;
  for (let line = 0; line < lines; line += 1) {
    const newline = bytes.indexOf(NEWLINE, at);
    if (newline === -1) throw new RangeError(`the batch has only ${line} lines, ${lines} were to be skipped`);
    at = newline + 1;
  }
  return bytes.subarray(at);
}

function seal(body: string, seed: number): Buffer {
  return Buffer.from(`${body}${CRC_KEY}${crc32(body, seed)}}}\n`, 'latin1');
}

// The checksum is over the very text, so what passes it is what we wrote: the fields need no checks of their own.
function unseal(
  buffer: Buffer,
  at: number,
  prefix: string,
  seed: number,
): { value: unknown; headerBytes: number } | null {
  if (buffer.length - at < prefix.length || buffer.toString('latin1', at, at + prefix.length) !== prefix)
    return null;
  const newline = buffer.indexOf(NEWLINE, at);
  if (newline === -1 || newline - at >= HEADER_BYTES_MAX) return null;
  const text = buffer.toString('latin1', at, newline);
  const split = text.lastIndexOf(CRC_KEY);
  if (split === -1) return null;
  const body = text.slice(0, split);
  if (text.slice(split + CRC_KEY.length) !== `${crc32(body, seed)}}}`) return null;
  try {
    return { value: JSON.parse(text), headerBytes: newline + 1 - at };
  } catch {
    // Damaged: the caller looks for the next header.
    return null;
  }
}
