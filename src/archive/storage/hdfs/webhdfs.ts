import { createReadStream, createWriteStream } from 'node:fs';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { reasonOf } from '../../../telemetry/system-error.ts';
import { chunksOf, RemoteError, type RemoteLimits, transferMsMax } from '../remote.ts';

/** What is sent: a text, or a local file of so many bytes. */
export type HdfsUpload = { text: string; bytes: number } | { file: string; bytes: number };

export interface HdfsFile {
  name: string;
  isFile: boolean;
  bytes: number;
  modifiedMs: number;
}

/** What a NameNode or DataNode refused, by the name of its Java exception. */
export class HdfsError extends RemoteError {
  override name = 'HdfsError';
  readonly exception: string;
  constructor(exception: string, message: string) {
    super(message, !PERMANENT.has(exception));
    this.exception = exception;
  }
}

/** What trying again does not change. All else (safe mode, no DataNode, a restart) passes. */
const PERMANENT = new Set([
  'AccessControlException',
  'AuthorizationException',
  'DSQuotaExceededException',
  'FileAlreadyExistsException',
  'FileNotFoundException',
  'IllegalArgumentException',
  'InvalidPathException',
  'InvalidToken',
  'NSQuotaExceededException',
  'ParentNotDirectoryException',
  'SecurityException',
  'UnsupportedOperationException',
]);

/** A refusal is a short text; more than this is none. */
const REFUSAL_BYTES_MAX = 64 * 1024;

export interface WebHdfsOptions {
  /** Address of the NameNode's web server. */
  url: string;
  user: string | undefined;
  limits: RemoteLimits;
}

/**
 * The few calls of WebHDFS that the archive needs, each tried once. node:http and not fetch: a DataNode sends an
 * unasked `100 Continue`, which fetch takes for an error. See the WebHDFS REST API in Hadoop's documents.
 */
export class WebHdfs {
  readonly #base: string;
  readonly #user: string | undefined;
  readonly #limits: RemoteLimits;

  constructor({ url, user, limits }: WebHdfsOptions) {
    this.#base = url.replace(/\/+$/, '');
    this.#user = user;
    this.#limits = limits;
  }

  /**
   * Writes a new file and syncs its blocks. When the connection breaks, the DataNode closes what it has as a file like
   * any other, so a file is whole only if this resolved and its length is right.
   */
  async create(path: string, upload: HdfsUpload): Promise<void> {
    const params = { overwrite: 'false', createflag: 'CREATE,SYNC_BLOCK' };
    const msMax = transferMsMax(upload.bytes, this.#limits);
    const dataNode = await this.#redirect('PUT', 'CREATE', path, params);
    await finish(await send('PUT', dataNode, msMax, upload));
  }

  /** The text of a file; null where there is none. */
  async read(path: string): Promise<string | null> {
    return missingAsNull(async () => {
      const dataNode = await this.#redirect('GET', 'OPEN', path);
      return (await finish(await send('GET', dataNode, this.#limits.requestMsMax))).toString('utf8');
    });
  }

  async download(path: string, target: string): Promise<void> {
    const status = await this.status(path);
    if (status === null) throw new RemoteError(`HDFS has no file ${path}.`, false);
    const dataNode = await this.#redirect('GET', 'OPEN', path);
    const response = await send('GET', dataNode, transferMsMax(status.bytes, this.#limits));
    if (!isOk(response)) throw await refusal(response);
    let bytes = 0;
    await pipeline(async function* () {
      for await (const chunk of chunksOf(response, 'HDFS')) {
        bytes += chunk.length;
        yield chunk;
      }
    }, createWriteStream(target));
    if (bytes !== status.bytes)
      throw new RemoteError(`HDFS returned ${bytes} of the ${status.bytes} bytes of ${path}.`, true);
  }

  /** Of a file or folder; null where there is none. */
  async status(path: string): Promise<HdfsFile | null> {
    return missingAsNull(async () => {
      const { FileStatus } = await this.#json<{ FileStatus: FileStatus }>('GET', 'GETFILESTATUS', path);
      return describe(FileStatus);
    });
  }

  /** What is right in a folder; nothing where there is none. */
  async list(path: string): Promise<HdfsFile[]> {
    const answer = await missingAsNull(() =>
      this.#json<{ FileStatuses: { FileStatus: FileStatus[] } }>('GET', 'LISTSTATUS', path),
    );
    return answer?.FileStatuses.FileStatus.map(describe) ?? [];
  }

  async makeFolder(path: string): Promise<void> {
    await this.#json('PUT', 'MKDIRS', path);
  }

  /** A missing file is no error. */
  async remove(path: string): Promise<void> {
    await this.#json('DELETE', 'DELETE', path);
  }

  /**
   * Moves a file in one step. With NONE an existing target is refused (FileAlreadyExistsException); a missing source or
   * folder is refused with FileNotFoundException. Without the option HDFS answers 200 to both.
   */
  async rename(from: string, to: string, option: 'NONE' | 'OVERWRITE'): Promise<void> {
    await this.#json('PUT', 'RENAME', from, { destination: to, renameoptions: option });
  }

  async #json<T>(method: string, op: string, path: string, params?: Record<string, string>): Promise<T> {
    const url = this.#url(op, path, params);
    const body = await finish(await send(method, url, this.#limits.requestMsMax));
    if (body.length === 0) return undefined as T;
    try {
      return JSON.parse(body.toString('utf8')) as T;
    } catch {
      throw new RemoteError(`What answers at ${url.origin} is not a WebHDFS server. Set archive.url.`, false);
    }
  }

  /** Asks the NameNode which DataNode takes or gives the file. */
  async #redirect(method: string, op: string, path: string, params?: Record<string, string>): Promise<URL> {
    const url = this.#url(op, path, params);
    const response = await send(method, url, this.#limits.requestMsMax);
    const { location } = response.headers;
    if (response.statusCode !== 307 || !location) throw await refusal(response);
    response.resume();
    return new URL(location, url);
  }

  #url(op: string, path: string, params: Record<string, string> = {}): URL {
    const encoded = path.split('/').map(encodeURIComponent).join('/');
    const url = new URL(`${this.#base}/webhdfs/v1${encoded}`);
    const user = this.#user === undefined ? {} : { 'user.name': this.#user };
    for (const [name, value] of Object.entries({ op, ...user, ...params })) url.searchParams.set(name, value);
    return url;
  }
}

interface FileStatus {
  pathSuffix: string;
  type: string;
  length: number;
  modificationTime: number;
}

function describe({ pathSuffix, type, length, modificationTime }: FileStatus): HdfsFile {
  return { name: pathSuffix, isFile: type === 'FILE', bytes: length, modifiedMs: modificationTime };
}

async function missingAsNull<T>(ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof HdfsError && error.exception === 'FileNotFoundException') return null;
    throw error;
  }
}

/** Sends one request; gives the answer when its head is there. `msMax` is for the request and the whole answer. */
function send(method: string, url: URL, msMax: number, upload?: HdfsUpload): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    // What has a path is a fault of the local file.
    const fail = (error: Error) => reject('path' in error ? error : asTransient(url, error));
    const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, {
      method,
      signal: AbortSignal.timeout(msMax),
      headers: upload
        ? { 'content-type': 'application/octet-stream', 'content-length': upload.bytes }
        : method === 'GET'
          ? {}
          : { 'content-length': 0 },
    });
    request.on('error', fail);
    request.on('response', resolve);
    if (!upload) request.end();
    else {
      const body =
        'text' in upload ? Readable.from([Buffer.from(upload.text)]) : createReadStream(upload.file);
      pipeline(body, request).catch(fail);
    }
  });
}

function isOk({ statusCode = 0 }: IncomingMessage): boolean {
  return statusCode >= 200 && statusCode < 300;
}

/** The whole body of a good answer; rejects with what the server refused. */
async function finish(response: IncomingMessage): Promise<Buffer> {
  if (!isOk(response)) throw await refusal(response);
  const chunks: Buffer[] = [];
  for await (const chunk of chunksOf(response, 'HDFS')) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function refusal(response: IncomingMessage): Promise<RemoteError> {
  let text = '';
  try {
    for await (const chunk of response.setEncoding('utf8')) {
      text += chunk;
      if (text.length > REFUSAL_BYTES_MAX) break;
    }
    const { exception, message } = (
      JSON.parse(text) as { RemoteException: { exception: string; message: string } }
    ).RemoteException;
    return new HdfsError(exception, `HDFS refused: ${message.split('\n')[0]} (${exception}).`);
  } catch {
    // The answer is not of WebHDFS, but of something before it.
    const { statusCode = 0 } = response;
    const again = statusCode >= 500 || statusCode === 429 || statusCode === 408;
    return new RemoteError(
      `HDFS responded ${statusCode} without a reason of WebHDFS. Is archive.url the web address of a NameNode?`,
      again,
    );
  }
}

function asTransient(url: URL, error: Error): RemoteError {
  const { name, code } = error as NodeJS.ErrnoException;
  const why =
    name === 'AbortError' || name === 'TimeoutError' ? 'it did not answer in time' : reasonOf(error) || code;
  return new RemoteError(`HDFS at ${url.origin} can't be reached: ${why}.`, true, { cause: error });
}
