import { ApiError } from '../../api.ts';
import { getImport, type ImportView, putPiece } from './api.ts';

/** Small enough for the time that a request may take; a proxy may want smaller ones. */
const PIECE_BYTES = 4 * 1024 * 1024;
const PIECE_BYTES_MIN = 256 * 1024;
const TRIES = 5;
const WAIT_MS = 1000;

/** Uploads a file in pieces, and goes on after a connection that broke. `onSent` gets the bytes that are there. */
export async function upload(
  { id }: ImportView,
  file: File,
  onSent: (bytes: number) => void,
  signal: AbortSignal,
): Promise<ImportView> {
  let [offset, pieceBytes] = [0, PIECE_BYTES];
  for (let failures = 0; ; ) {
    try {
      const view = await putPiece(id, offset, file.slice(offset, offset + pieceBytes), signal);
      offset = view.received_bytes;
      failures = 0;
      onSent(offset);
      if (offset >= file.size) return view;
    } catch (error) {
      if (signal.aborted || !isPassing(error) || ++failures === TRIES) throw error;
      pieceBytes = Math.max(PIECE_BYTES_MIN, pieceBytes / 4);
      await new Promise((resolve) => setTimeout(resolve, WAIT_MS * failures));
      offset = await getImport(id).then(
        (view) => view.received_bytes,
        () => offset,
      );
    }
  }
}

/** Whether a smaller piece, or one sent later, may be taken: the connection broke, or a proxy found the piece too large. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  return error.status === 0 || error.code === 'timeout' || error.code === 'http_error';
}
