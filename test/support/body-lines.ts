import type { IngestRequest, IngestResult } from '../../src/sources/source.ts';

/** The records of a body as they came, one text each; a character for each byte where `encoding` is latin1. */
export function bodyLines(body: IngestRequest['body'], encoding: 'utf8' | 'latin1' = 'utf8'): string[] {
  const lines = (bytes: Buffer) =>
    bytes
      .toString(encoding)
      .split('\n')
      .filter((line) => line !== '');
  if (Buffer.isBuffer(body)) return lines(body);
  return body.flatMap((piece) => {
    if (piece.kind === 'json') return lines(piece.bytes);
    if (piece.kind === 'rejected') return [piece.raw.toString(encoding)];
    return piece.records.map(({ raw }) => raw.toString(encoding));
  });
}

/** What ingest answers where it took all of the lines. */
export function allAccepted(lines: readonly string[]): IngestResult {
  return {
    accepted: lines.length,
    rejected: 0,
    leftOut: 0,
    errors: [],
    reasons: {},
    invalidFields: {},
    findings: [],
  };
}
