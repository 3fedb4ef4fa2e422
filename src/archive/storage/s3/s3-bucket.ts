import { createWriteStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { reasonOf } from '../../../telemetry/system-error.ts';
import { chunksOf, RemoteError, type RemoteLimits, transferMsMax } from '../remote.ts';
import type { StoredFile } from '../storage.ts';

export interface S3BucketOptions {
  bucket: string;
  endpoint?: string | undefined;
  region?: string | undefined;
  accessKeyId?: string | undefined;
  secretAccessKey?: string | undefined;
  pathStyle: boolean;
  limits: RemoteLimits;
}

/** What S3 refused, by its code. */
export class S3Error extends RemoteError {
  override name = 'S3Error';
  readonly code: string;
  readonly status: number;
  constructor(code: string, status: number, message: string, isTransient: boolean, options?: ErrorOptions) {
    super(message, isTransient, options);
    this.code = code;
    this.status = status;
  }
}

/** Refusals with a status below 500 that pass. */
const PASSING = new Set([
  'BadDigest',
  'ConditionalRequestConflict',
  'IncompleteBody',
  'OperationAborted',
  'RequestTimeout',
  'SlowDown',
  'ThrottlingException',
  'XAmzContentSHA256Mismatch',
]);
/** A wrong key or secret, as AWS and other servers call it. */
const BAD_CREDENTIALS = new Set([
  'ExpiredToken',
  'InvalidAccessKeyId',
  'InvalidToken',
  'SignatureDoesNotMatch',
  'XAdminUserNotFound',
]);
/** Metadata of an object that tells which call wrote it. */
const WRITER = 'tillstream-write';

/** A bucket, each request tried once, in time, with failures as sentences. Checksums are on both ways. */
export class S3Bucket {
  readonly name: string;
  readonly client: S3Client;
  readonly limits: RemoteLimits;
  readonly #where: string;

  constructor(options: S3BucketOptions) {
    const { bucket, endpoint, region, accessKeyId, secretAccessKey, pathStyle, limits } = options;
    this.name = bucket;
    this.limits = limits;
    this.#where = endpoint ? `S3 at ${endpoint}` : 'S3';
    // The SDK looks for region and credentials itself where none are given, as other programs of AWS do.
    const credentials =
      accessKeyId && secretAccessKey ? { credentials: { accessKeyId, secretAccessKey } } : {};
    const place = region ?? (endpoint ? 'us-east-1' : undefined);
    this.client = new S3Client({
      ...credentials,
      ...(endpoint ? { endpoint } : {}),
      ...(place ? { region: place } : {}),
      forcePathStyle: pathStyle,
      // `retried` does it, within its time.
      maxAttempts: 1,
      requestChecksumCalculation: 'WHEN_SUPPORTED',
      responseChecksumValidation: 'WHEN_SUPPORTED',
      requestHandler: { connectionTimeout: limits.requestMsMax, socketTimeout: limits.requestMsMax },
    });
  }

  /** Does one request, which sends or gets so many bytes. */
  async call<T>(bytes: number, request: (options: { abortSignal: AbortSignal }) => Promise<T>): Promise<T> {
    const abortSignal = AbortSignal.timeout(transferMsMax(bytes, this.limits));
    try {
      return await request({ abortSignal });
    } catch (error) {
      throw this.#describe(error as Error);
    }
  }

  async put(key: string, body: Buffer, writer: string, condition: { IfNoneMatch?: '*' } = {}): Promise<void> {
    const command = new PutObjectCommand({
      ...{ Bucket: this.name, Key: key, Body: body, Metadata: writtenBy(writer) },
      ...condition,
    });
    await this.call(body.length, (options) => this.client.send(command, options));
  }

  /** Whether the object there now is of that call; false where there is none. */
  async isOf(key: string, writer: string): Promise<boolean> {
    const command = new HeadObjectCommand({ Bucket: this.name, Key: key });
    const head = await missingAsNull(() => this.call(0, (options) => this.client.send(command, options)));
    return head?.Metadata?.[WRITER] === writer;
  }

  /** The text of an object; null where there is none. */
  async read(key: string): Promise<string | null> {
    const command = new GetObjectCommand({ Bucket: this.name, Key: key });
    return missingAsNull(() =>
      this.call(0, async (options) => {
        const { Body } = await this.client.send(command, options);
        return Body!.transformToString('utf8');
      }),
    );
  }

  async download(key: string, target: string): Promise<void> {
    const command = new GetObjectCommand({ Bucket: this.name, Key: key });
    const answer = await this.call(0, (options) => this.client.send(command, options));
    const { ContentLength: bytes = 0 } = answer;
    const body = chunksOf(answer.Body as Readable, this.#where);
    const signal = AbortSignal.timeout(transferMsMax(bytes, this.limits));
    const file = createWriteStream(target);
    await pipeline(body, file, { signal }).catch((error) => {
      throw signal.aborted ? this.#describe(error) : error;
    });
    if (file.bytesWritten !== bytes)
      throw new RemoteError(
        `${this.#where} returned ${file.bytesWritten} of the ${bytes} bytes of ${key}.`,
        true,
      );
  }

  /** Objects right below the prefix, which ends with '/'. */
  async list(prefix: string): Promise<StoredFile[]> {
    const files: StoredFile[] = [];
    let token: string | undefined;
    do {
      const command = new ListObjectsV2Command({
        ...{ Bucket: this.name, Prefix: prefix, Delimiter: '/' },
        ...(token === undefined ? {} : { ContinuationToken: token }),
      });
      const page = await this.call(0, (options) => this.client.send(command, options));
      for (const { Key = '', Size = 0, LastModified } of page.Contents ?? [])
        if (Key !== prefix) files.push({ path: Key, bytes: Size, modifiedMs: LastModified?.getTime() ?? 0 });
      token = page.NextContinuationToken;
    } while (token !== undefined);
    return files;
  }

  async remove(key: string): Promise<void> {
    const command = new DeleteObjectCommand({ Bucket: this.name, Key: key });
    await missingAsNull(() => this.call(0, (options) => this.client.send(command, options)));
  }

  /** A failure as a sentence that says what to do. */
  #describe(error: Error & { $metadata?: { httpStatusCode?: number }; code?: string }): RemoteError {
    if (error instanceof RemoteError) return error;
    const { name, message } = error;
    const status = error.$metadata?.httpStatusCode ?? 0;
    if (name === 'CredentialsProviderError') {
      return new RemoteError(
        'There are no credentials for S3. Set archive.access_key_id and archive.secret_access_key, or those of the AWS environment.',
        false,
        { cause: error },
      );
    }
    if (status === 0) {
      const why =
        name === 'AbortError' || name === 'TimeoutError'
          ? 'it did not answer in time'
          : reasonOf(error) || error.code;
      return new RemoteError(`${this.#where} can't be reached: ${why}.`, true, { cause: error });
    }
    const isTransient = status >= 500 || status === 408 || status === 429 || PASSING.has(name);
    return new S3Error(name, status, this.#sentence(name, status, message), isTransient, { cause: error });
  }

  #sentence(code: string, status: number, text: string): string {
    const message = text.replace(/\.+$/, '');
    if (code === 'NoSuchBucket')
      return `${this.#where} has no bucket ${this.name}. Create it, or set archive.bucket to one that exists.`;
    if (BAD_CREDENTIALS.has(code))
      return `${this.#where} does not accept the credentials (${code}). Set archive.access_key_id and archive.secret_access_key to valid ones.`;
    if (status === 403)
      return `${this.#where} does not allow this in the bucket ${this.name} (${code}): ${message}. Give the key the rights to list, read, write and delete there.`;
    if (status === 301 || status === 307)
      return `The bucket ${this.name} is in another region or at another address (${code}). Set archive.region or archive.endpoint.`;
    return `${this.#where} answered ${status} (${code}): ${message}.`;
  }
}

/** Metadata by which `isOf` knows a call's object again. */
export function writtenBy(writer: string): Record<string, string> {
  return { [WRITER]: writer };
}

/** For an object that is missing. A missing bucket stays an error. */
async function missingAsNull<T>(ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask();
  } catch (error) {
    // HEAD has no body that could name the reason.
    if (error instanceof S3Error && (error.code === 'NoSuchKey' || error.code === 'NotFound')) return null;
    throw error;
  }
}
