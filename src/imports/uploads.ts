import { randomUUID } from 'node:crypto';
import { mkdir, open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { ApiError } from '../telemetry/errors.ts';
import { printable } from '../telemetry/printable.ts';
import { reasonOf } from '../telemetry/system-error.ts';

/** Files that are kept at a time. */
const UPLOADS_MAX = 4;
const NAME_CHARACTERS_MAX = 200;

/** A file that is uploaded, or is being. */
export interface Upload {
  readonly id: string;
  readonly name: string;
  readonly path: string;
  /** Its size as it was announced. */
  readonly bytes: number;
  receivedBytes: number;
  isWriting: boolean;
}

export interface UploadsOptions {
  /** A folder of its own, in the data folder. */
  readonly dir: string;
  /** Most bytes of a file. */
  readonly bytesMax: number;
  /** Free space of the disk that uploads leave. */
  readonly reserveBytes: number;
}

/** Files that wait to be imported: few, on the disk of the data folder, for as long as they are used. */
export class Uploads {
  readonly #options: UploadsOptions;
  readonly #uploads = new Map<string, Upload>();

  private constructor(options: UploadsOptions) {
    this.#options = options;
  }

  /** Removes what an earlier process has left. */
  static async open(options: UploadsOptions): Promise<Uploads> {
    await rm(options.dir, { recursive: true, force: true });
    return new Uploads(options);
  }

  /** Makes room for a file. Throws ApiError where there is none. */
  async create(name: string, bytes: number): Promise<Upload> {
    const { dir, bytesMax } = this.#options;
    if (bytes > bytesMax)
      throw new ApiError(
        'import_too_large',
        `${shortened(name)} has ${inWords(bytes)}; the page accepts files up to ${inWords(bytesMax)}.`,
      );
    if (this.#uploads.size >= UPLOADS_MAX)
      throw new ApiError('too_many_imports', `${UPLOADS_MAX} files are being imported already.`);
    const id = randomUUID();
    const upload: Upload = {
      id,
      name: shortened(name),
      path: join(dir, id),
      bytes,
      receivedBytes: 0,
      isWriting: false,
    };
    this.#uploads.set(id, upload);
    try {
      await this.#checkSpace();
      await mkdir(dir, { recursive: true, mode: 0o700 });
      await (await open(upload.path, 'wx', 0o600)).close();
    } catch (error) {
      await this.remove(id);
      throw toApiError(error);
    }
    return upload;
  }

  /** Takes a piece of a file, which begins at `offset`. What comes before a failure stays. Throws ApiError. */
  async write(upload: Upload, offset: number, chunks: AsyncIterable<Buffer>): Promise<void> {
    if (upload.isWriting || offset !== upload.receivedBytes)
      throw new ApiError(
        'wrong_offset',
        `The piece starts at byte ${offset}, but ${upload.isWriting ? 'another piece is still being received' : `${upload.receivedBytes} bytes have been received`}.`,
      );
    upload.isWriting = true;
    try {
      await this.#checkSpace();
      await using file = await open(upload.path, 'r+');
      for await (const chunk of chunks) {
        if (upload.receivedBytes + chunk.length > upload.bytes)
          throw new ApiError('too_large', `${upload.name} is larger than announced.`);
        for (let at = 0; at < chunk.length; ) {
          const { bytesWritten } = await file.write(chunk, at, chunk.length - at, upload.receivedBytes);
          at += bytesWritten;
          upload.receivedBytes += bytesWritten;
        }
      }
    } catch (error) {
      throw toApiError(error);
    } finally {
      upload.isWriting = false;
    }
  }

  async remove(id: string): Promise<void> {
    const upload = this.#uploads.get(id);
    this.#uploads.delete(id);
    if (upload) await rm(upload.path, { force: true });
  }

  async close(): Promise<void> {
    this.#uploads.clear();
    await rm(this.#options.dir, { recursive: true, force: true });
  }

  /** What is announced and not there yet must fit, or events could not be stored before long. */
  async #checkSpace(): Promise<void> {
    const { dir, reserveBytes } = this.#options;
    const missing = [...this.#uploads.values()].reduce(
      (sum, each) => sum + each.bytes - each.receivedBytes,
      0,
    );
    const stats = await statfs(join(dir, '..'));
    const free = stats.bavail * stats.bsize;
    if (free - missing >= reserveBytes) return;
    throw new ApiError(
      'disk_full',
      `The disk of the data folder has ${inWords(free)} free, and ${inWords(reserveBytes)} are kept for events: there is no room for ${inWords(missing)}.`,
    );
  }
}

function toApiError(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG')
    return new ApiError('disk_full', `The file can't be stored: ${reasonOf(error)}.`);
  if (code === 'ERR_STREAM_PREMATURE_CLOSE' || code === 'ECONNRESET' || code === 'ABORT_ERR')
    return new ApiError('bad_request', 'The upload was interrupted.');
  return error;
}

/** A name is shown in messages and logs. */
const shortened = (name: string) => printable(name.slice(0, NAME_CHARACTERS_MAX));

const UNITS = ['bytes', 'kB', 'MB', 'GB'];

/** Bytes for people: 1.2 GB. */
function inWords(bytes: number): string {
  const unit = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  const value = bytes / 1000 ** unit;
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`;
}
