import { type FileHandle, open } from 'node:fs/promises';
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { LimitFunction } from 'p-limit';
import { retried } from '../remote.ts';
import { type S3Bucket, S3Error, writtenBy } from './s3-bucket.ts';

/** Files up to this size go in one piece; S3 takes parts from 5 MiB on. */
export const PART_BYTES = 8 * 1024 * 1024;
/** S3 takes 10,000 parts. */
const PARTS_MAX = 10_000;

/**
 * Uploads a file of so many bytes in parts, of which each is tried again by itself. The object appears when all are
 * there; after a failure nothing is left.
 */
export async function uploadInParts(
  bucket: S3Bucket,
  transfers: LimitFunction,
  file: string,
  bytes: number,
  key: string,
  writer: string,
): Promise<void> {
  const { client, limits } = bucket;
  const target = { Bucket: bucket.name, Key: key };
  const begin = new CreateMultipartUploadCommand({
    ...target,
    ChecksumAlgorithm: 'CRC32',
    Metadata: writtenBy(writer),
  });
  const { UploadId } = await retried(limits, () => bucket.call(0, (options) => client.send(begin, options)));
  const handle = await open(file, 'r');
  try {
    const partBytes = Math.max(PART_BYTES, Math.ceil(bytes / PARTS_MAX));
    let hasFailed = false;
    const parts = await Promise.allSettled(
      Array.from({ length: Math.ceil(bytes / partBytes) }, (_, index) =>
        transfers(async (): Promise<CompletedPart> => {
          // After one failure the others are of no use.
          if (hasFailed) throw new Error('another part failed');
          const PartNumber = index + 1;
          try {
            const Body = await readPart(
              handle,
              index * partBytes,
              Math.min(partBytes, bytes - index * partBytes),
            );
            const send = new UploadPartCommand({
              ...target,
              ...{ UploadId, PartNumber, Body, ChecksumAlgorithm: 'CRC32' },
            });
            const { ETag, ChecksumCRC32 } = await retried(limits, () =>
              bucket.call(Body.length, (options) => client.send(send, options)),
            );
            return { PartNumber, ETag, ChecksumCRC32 };
          } catch (error) {
            hasFailed = true;
            throw error;
          }
        }),
      ),
    );
    const failure = parts.find((part) => part.status === 'rejected');
    if (failure) throw failure.reason;
    const Parts = parts.map((part) => (part as PromiseFulfilledResult<CompletedPart>).value);
    const end = new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts } });
    await retried(limits, async () => {
      try {
        await bucket.call(0, (options) => client.send(end, options));
      } catch (error) {
        const isOver = error instanceof S3Error && error.code === 'NoSuchUpload';
        // An earlier try of ours, whose answer was lost, has completed it.
        if (!isOver || !(await bucket.isOf(key, writer))) throw error;
      }
    });
  } catch (error) {
    // The first error is what matters; what stays is deleted with the leftovers.
    await abort(bucket, key, UploadId).catch(() => {});
    throw error;
  } finally {
    await handle.close();
  }
}

/** Aborts uploads below the prefix that were begun before `beforeMs` and never ended: their parts cost money. */
export async function abortOldUploads(bucket: S3Bucket, prefix: string, beforeMs: number): Promise<void> {
  let markers: { KeyMarker?: string; UploadIdMarker?: string } | null = {};
  while (markers) {
    const command: ListMultipartUploadsCommand = new ListMultipartUploadsCommand({
      ...{ Bucket: bucket.name, Prefix: prefix },
      ...markers,
    });
    const page = await retried(bucket.limits, () =>
      bucket.call(0, (options) => bucket.client.send(command, options)),
    );
    for (const { Key = '', UploadId, Initiated } of page.Uploads ?? [])
      if (Initiated && Initiated.getTime() < beforeMs) await abort(bucket, Key, UploadId);
    const { IsTruncated, NextKeyMarker: KeyMarker, NextUploadIdMarker: UploadIdMarker } = page;
    markers = IsTruncated && KeyMarker && UploadIdMarker ? { KeyMarker, UploadIdMarker } : null;
  }
}

async function abort(bucket: S3Bucket, key: string, UploadId: string | undefined): Promise<void> {
  const command = new AbortMultipartUploadCommand({ Bucket: bucket.name, Key: key, UploadId });
  await bucket.call(0, (options) => bucket.client.send(command, options));
}

async function readPart(handle: FileHandle, at: number, bytes: number): Promise<Buffer> {
  const part = Buffer.alloc(bytes);
  const { bytesRead } = await handle.read(part, 0, bytes, at);
  if (bytesRead !== bytes) throw new Error(`A file became shorter while it was uploaded, at byte ${at}.`);
  return part;
}
