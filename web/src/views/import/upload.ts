import { ApiError } from '../../api.ts';
import { getImport, type ImportView, putPiece } from './api.ts';

/** Small enough for any proxy that takes uploads, and for the time that a request may take. */
const PIECE_BYTES = 4 * 1024 * 1024;
const TRIES = 5;
const WAIT_MS = 1000;

/** Uploads a file in pieces, and goes on after a connection that broke. `onSent` gets the bytes that are there. */
export async function upload(
  { id }: ImportView,
  file: File,
  onSent: (bytes: number) => void,
  signal: AbortSignal,
): Promise<ImportView> {
  let offset = 0;
  for (let failures = 0; ; ) {
    try {
      const view = await putPiece(id, offset, file.slice(offset, offset + PIECE_BYTES), signal);
      offset = view.received_bytes;
      failures = 0;
      onSent(offset);
      if (offset >= file.size) return view;
    } catch (error) {
      const isBroken = error instanceof ApiError && (error.status === 0 || error.code === 'timeout');
      if (signal.aborted || !isBroken || ++failures === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, WAIT_MS * failures));
      offset = await getImport(id).then(
        (view) => view.received_bytes,
        () => offset,
      );
    }
  }
}
