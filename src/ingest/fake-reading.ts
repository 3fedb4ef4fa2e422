import assert from 'node:assert/strict';
import { type Detected, detectFormat } from './detect.ts';
import { type Decoded, type DetectOptions, SAMPLE_BYTES_MAX } from './format.ts';

/** A record or a bad row, as tests compare it. */
export interface Piece {
  place: number;
  json?: string;
  fields?: Record<string, unknown>;
  raw?: string;
  rejected?: string;
}

/** What the bytes are; fails where they are refused. */
export function detected(bytes: Buffer, options?: DetectOptions): Detected {
  const sample = { bytes: bytes.subarray(0, SAMPLE_BYTES_MAX), isWhole: bytes.length <= SAMPLE_BYTES_MAX };
  const found = detectFormat(sample, options);
  assert.ok('format' in found, JSON.stringify(found));
  return found;
}

/** All records and bad rows, one by one, whatever pieces they came in. */
export function readAll({ format, detection }: Detected, chunks: Iterable<Buffer>): Piece[] {
  const decoder = format.decoder(detection);
  const pieces: Piece[] = [];
  for (const chunk of chunks) {
    // As in use: the memory of a chunk is its own.
    addAll(pieces, decoder.push(Buffer.from(chunk)));
  }
  addAll(pieces, decoder.end());
  return pieces;
}

function addAll(pieces: Piece[], decoded: readonly Decoded[]): void {
  for (const piece of decoded) {
    if (piece.kind === 'rejected')
      pieces.push({ place: piece.place, rejected: piece.reason, raw: piece.raw.toString('latin1') });
    else if (piece.kind === 'records')
      for (const { place, fields, raw } of piece.records)
        pieces.push({ place, fields: { ...fields }, raw: raw.toString('latin1') });
    else addTexts(pieces, piece);
  }
}

function addTexts(pieces: Piece[], { bytes, places }: Extract<Decoded, { kind: 'json' }>): void {
  assert.equal(bytes.at(-1), 0x0a, 'each text has its line end');
  const texts = bytes.toString('utf8').split('\n').slice(0, -1);
  if (!('first' in places)) assert.equal(places.length, texts.length, 'each text has its place');
  for (const [i, json] of texts.entries()) {
    const place = 'first' in places ? places.first + i : places[i]!;
    if (json.trim() !== '') pieces.push({ place, json: json.replace(/\r$/, '') });
  }
}
